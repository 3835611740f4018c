import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GUESTBOOK } from '../../test/helpers/sample-specs.ts'
import { diffSpecs, specChanges } from './diff.ts'
import { parseSpec } from './spec/parse.ts'

const parse = (text: string) => parseSpec(text, { file: 'fettle.yaml' }).spec
const guestbook = parse(GUESTBOOK)
/** The changes that replacing a part of the file's text brings. */
function lines(part: string, by: string): string[] {
  assert.ok(GUESTBOOK.includes(part))
  return diffSpecs(guestbook, parse(GUESTBOOK.replace(part, by))).map(({ text, tone }) => `${tone}: ${text}`)
}

test('equal specs have no difference, whatever other environments the file has', () => {
  assert.deepEqual(diffSpecs(guestbook, parse(GUESTBOOK)), [])
  assert.deepEqual(lines('staging: { services', 'testing: { services'), [])
})

test('a spec that was kept as JSON equals the one it came from', () => {
  assert.deepEqual(specChanges(JSON.parse(JSON.stringify(guestbook)), guestbook), [])
})

test('a first release is all new', () => {
  assert.deepEqual(
    diffSpecs(undefined, guestbook).map(({ text, tone }) => `${tone}: ${text}`),
    [
      'add: services.web: 2 × node server.js',
      'add: services.digest: node digest.js',
      'add: stores.data: sqlite guestbook.db',
      'add: stores.uploads: files .',
      'add: route guestbook.localhost/: web',
      'add: build: npm ci',
      'add: release.migrate: node migrate.js',
      'add: release.test: [{"http":"/","method":"GET","status":200,"near-end":{"text"…',
    ],
  )
})

const CASES: [title: string, part: string, by: string, expected: string[]][] = [
  ['a number', 'instances: 2', 'instances: 4', ['change: services.web.instances: 2 → 4']],
  ['a duration, with its unit', 'drain: 10s', 'drain: 2m', ['change: services.web.stop.drain: 10 s → 2 min']],
  ['a size, with its unit', '256M', '1G', ['change: services.web.limits.memory: 256 MiB → 1 GiB']],
  ['a limit that goes', 'limits: { memory: 256M }', 'limits: {}', ['remove: services.web.limits.memory: removed']],
  ['a service that comes', 'stores:\n', '  mail: { run: node mail.js }\nstores:\n', ['add: services.mail: node mail.js']],
  [
    'a service that goes',
    '  digest: { run: node digest.js, singleton: true, in-drills: false }\n',
    '',
    ['remove: services.digest: removed'],
  ],
  [
    'another kind of store',
    '{ files: . }',
    '{ sqlite: u.db }',
    ['add: stores.uploads.sqlite: u.db', 'remove: stores.uploads.files: removed'],
  ],
  ['a route that leads elsewhere', 'to: web', 'to: digest', ['change: route guestbook.localhost/: web → digest']],
  [
    'another address',
    'host: guestbook.localhost',
    'host: g.example',
    ['add: route g.example/: web', 'remove: route guestbook.localhost/: removed'],
  ],
  ['a longer build', 'build: npm ci', 'build: [npm ci, npm run build]', ['change: build: npm ci → npm ci && npm run build']],
  ['no migration any more', '  migrate: node migrate.js\n', '', ['remove: release.migrate: removed']],
  ['a rehearsal that is off', '  keep: 5\n', '  keep: 5\n  rehearse: off\n', ['change: release.rehearse.mode: on → off']],
  ['another threshold', '  keep: 5\n', '  keep: 5\n  bake: { errors: 0.5% }\n', ['change: release.bake.errors: 5% → 0.5%']],
  ['fewer snapshots', 'daily: 7', 'daily: 3', ['change: backups.keep.daily: 7 → 3']],
  [
    'a secret that is declared to be foreign',
    'secrets: [KEY]',
    'secrets: { KEY: { external: true } }',
    ['change: secrets.KEY.external: false → true'],
  ],
]
for (const [title, part, by, expected] of CASES)
  test(`shown: ${title}`, () => {
    assert.deepEqual(lines(part, by), expected)
  })

test('of variables only the names are shown', () => {
  const changes = specChanges(
    guestbook,
    parse(GUESTBOOK.replace('KEY: "${secrets.KEY}"', 'KEY: "hunter2", NEW: "x"').replace('UPLOADS: "${stores.uploads.path}", ', '')),
  )
  assert.deepEqual(changes, [
    { path: 'services.web.env.KEY', kind: 'changed' },
    { path: 'services.web.env.NEW', kind: 'added' },
    { path: 'services.web.env.UPLOADS', kind: 'removed' },
  ])
})

test('a value that is hidden is so before the line is cut', () => {
  const run = `node server.js --title "${'x'.repeat(14)}" --api-token=riz6ea6vohw8 --more "${'y'.repeat(20)}"`
  const after = parse(GUESTBOOK.replace('run: node server.js', `run: '${run}'`))
  const texts = diffSpecs(guestbook, after, text => text.replaceAll('riz6ea6vohw8', '••••')).map(({ text }) => text)
  assert.deepEqual(texts, [`services.web.run: node server.js → node server.js --title "${'x'.repeat(14)}" --api-token=•••• --…`])
})
