import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GUESTBOOK } from '../../../test/helpers/sample-specs.ts'
import { problemLines, refusal } from '../../../test/helpers/spec-problems.ts'
import { exitCodeOf } from '../errors.ts'
import { parseSpec } from './parse.ts'

const file = 'fettle.yaml'
const parse = (text: string, environment?: string) => parseSpec(text, { file, environment }).spec

test('a complete file becomes a spec with every default filled in', () => {
  const spec = parse(GUESTBOOK)
  assert.equal(spec.fettle, 1)
  assert.deepEqual(spec.build, ['npm ci'])
  assert.equal(spec.services.web?.limits.memory, 256 * 1024 ** 2)
  assert.equal(spec.services.web?.ready?.within, 30_000)
  assert.deepEqual(spec.services.digest?.stop, { signal: 'SIGTERM', drain: 10_000 })
  assert.deepEqual(spec.release.rehearse, { mode: 'on', 'at-most': 300_000 })
  assert.deepEqual(spec.secrets, { KEY: { external: false } })
  assert.equal(spec.release.test[0]?.['near-end']?.within, 2000)
  assert.deepEqual(spec.environments, {})
})

test('the shortest file is a name; its only environment is production', () => {
  const { spec, environment, environments } = parseSpec('app: shop', { file })
  assert.deepEqual([spec.app, spec.source, spec.services], ['shop', '.', {}])
  assert.deepEqual([environment, environments], ['production', ['production']])
})

test('stores of something else are absolute paths, and no service is needed', () => {
  const { stores } = parse('app: shop\nstores:\n  data: { sqlite: /srv/shop/data.db }\n  files: { files: /srv/shop/uploads }\n')
  assert.deepEqual(stores, { data: { sqlite: '/srv/shop/data.db' }, files: { files: '/srv/shop/uploads' } })
})

test('short forms mean the same as long ones', () => {
  const short = parse('app: a\nbuild: make\nsecrets: [A]\nrelease: { rehearse: off }\n')
  const long = parse('app: a\nbuild: [make]\nsecrets: { A: { external: false } }\nrelease: { rehearse: { mode: off } }\n')
  assert.deepEqual(short, long)
  assert.deepEqual(parse('app: a\nsecrets: { A:, B: { external: true } }').secrets, { A: { external: false }, B: { external: true } })
})

test('environment variables stay as they are written', () => {
  const spec = parse('app: a\nservices: { web: { run: x, env: { V: 1.10, BIG: 12345678901234567890, H: 0x1F, B: true, S: "yes" } } }')
  assert.deepEqual(spec.services.web?.env, { V: '1.10', BIG: '12345678901234567890', H: '0x1F', B: 'true', S: 'yes' })
})

test('a service may have the name of a section', () => {
  const spec = parse('app: a\nservices: { env: { run: x, instances: 3, limits: } , x-ray: { run: y } }')
  assert.deepEqual([spec.services.env?.instances, spec.services['x-ray']?.run], [3, 'y'])
})

test('anchors, aliases and merge keys are followed; what stands in the map itself wins', () => {
  const text = `app: a
x-base: &base { instances: 2, stop: { drain: 5s } }
x-more: &more { instances: 3, singleton: false }
services:
  one: { <<: *base, run: one }
  two: { run: two, instances: 7, <<: [*base, *more] }
`
  const { one, two } = parse(text).services
  assert.deepEqual([one?.instances, one?.stop.drain, two?.instances, two?.stop.drain], [2, 5000, 7, 5000])
})

test('keys that begin with x- are ignored wherever keys are fixed', () => {
  const spec = parse('app: a\nx-note: [1]\nservices: { web: { run: x, x-owner: me, ready: { x-why: slow, tcp: true } } }')
  assert.deepEqual(Object.keys(spec.services.web ?? {}).includes('x-owner'), false)
})

test('a key without a value counts as not written', () => {
  assert.deepEqual(parse('app: a\nservices:\nroutes:\nbackups:\n  keep:\n').backups.keep, { daily: 7, weekly: 4, monthly: 12 })
})

test('an overlay merges maps, replaces lists and values, and removes with null', () => {
  const text = `app: a
build: [one, two]
services:
  web: { run: x, instances: 4, env: { A: "1", B: "2" } }
  worker: { run: y }
routes: [{ host: a.example, to: web }, { host: b.example, to: web }]
environments:
  staging:
    build: [three]
    services: { web: { instances: 1, env: { B: "3", C: "4", A: null } }, worker: null }
    routes: [{ host: staging.example, to: web }]
`
  const { spec, environments } = parseSpec(text, { file, environment: 'staging' })
  assert.deepEqual(environments, ['staging'])
  assert.deepEqual(spec.build, ['three'])
  assert.deepEqual([spec.services.web?.instances, spec.services.web?.env], [1, { B: '3', C: '4' }])
  assert.deepEqual(Object.keys(spec.services), ['web'])
  assert.deepEqual(spec.routes, [{ host: 'staging.example', path: '/', to: 'web' }])
})

test('without a wish the environment is production, else the first of the file', () => {
  assert.equal(parseSpec('app: a\nenvironments: { staging: {}, production: }', { file }).environment, 'production')
  assert.equal(parseSpec('app: a\nenvironments: { staging: {}, dev: {} }', { file }).environment, 'staging')
})

test('an unknown environment is not found, and the nearest is named', () => {
  const ask = () => parseSpec('app: a\nenvironments: { production: {}, staging: {} }', { file, environment: 'stagnig' })
  assert.throws(ask, { code: 'NOT_FOUND', message: 'fettle.yaml has no environment "stagnig"; did you mean "staging"?' })
})

test('the error says place, text, message and nearest name to machines, and exits with 2', () => {
  const error = refusal('app: a\nservices:\n  web:\n    run: x\n    instnaces: 2\n')
  assert.equal(exitCodeOf(error.code), 2)
  assert.deepEqual(error.context.problems, [
    { file, line: 5, column: 5, text: 'instnaces', message: 'unknown key "instnaces"', nearest: 'instances' },
  ])
  assert.equal(
    error.message,
    'fettle.yaml:5:5: unknown key "instnaces"; did you mean "instances"?\n    5 |     instnaces: 2\n      |     ^^^^^^^^^',
  )
})

test('all problems come at once, sorted by place, whatever finds them', () => {
  const text = `app: a
services:
  web: { run: x, instnaces: 2, env: { D: "\${stores.dta.path}" } }
  worker: { instances: 2 }
stores: { data: { sqlitee: x } }
routes: [{ host: "*", to: wbe }]
`
  assert.deepEqual(
    problemLines(text).map(line => line.split(': ')[0]),
    ['3:18', '3:43', '4:3', '5:19', '6:27'],
  )
})

const ALL_AT_ONCE: [title: string, text: string, places: string[]][] = [
  [
    'a route with a bad host hides neither its own service nor that of the next',
    'app: a\nservices: { web: { run: x } }\nroutes: [{ host: "http://a", to: wbe }, { host: b/c, to: web }, { host: c, to: wbe }]',
    ['3:18', '3:34', '3:49', '3:80'],
  ],
  ['a bad name of the app hides nothing', 'app: A\nroutes: [{ host: "*", to: web }]', ['1:6', '2:27']],
  ['nor does one that is missing', 'routes: [{ host: "*", to: web }]', ['1:1', '1:27']],
  ['nor a service without a command', 'app: a\nservices: { web: { env: { A: "${stores.d.path}" } } }', ['2:13', '2:31']],
  [
    'nor a test without a path',
    'app: a\nservices: { web: { run: x } }\nrelease: { test: [{ sttaus: 200, service: wbe }, { status: 7, service: bew }] }',
    ['3:19', '3:21', '3:43', '3:50', '3:60', '3:72'],
  ],
  ['nor a key that stands twice', 'app: a\nroutes: [{ host: "*", to: web, to: web }]\nfoo: 1', ['2:27', '2:32', '3:1']],
  [
    'what was taken out is not told to be missing',
    'app: a\nservices: { w: { run: x, ready: { uptime: 40s, within: 1x } } }\nbackups: { keep: { daily: 0, weekly: x }, drill: { expect: [{ sql: 1, equals: 1 }] } }',
    ['2:56', '3:38', '3:68'],
  ],
]
for (const [title, text, places] of ALL_AT_ONCE)
  test(`all problems come at once: ${title}`, () => {
    assert.deepEqual(
      problemLines(text).map(line => line.split(': ')[0]),
      places,
    )
  })

test('a problem of the shared part is told once, however many environments have it', () => {
  assert.equal(problemLines('app: a\nfoo: 1\nenvironments: { a: {}, b: {}, c: { build: x } }').length, 1)
})

test('at most a hundred problems are listed, and how many there are beyond', () => {
  const error = refusal(`app: a\n${Array.from({ length: 500 }, (_, index) => `key${index}: 1`).join('\n')}`)
  assert.deepEqual([error.context.problems.length, error.context.more], [100, 400])
  assert.match(error.message, /\n… and 400 more$/)
})

test('what the terminal would take for a command is shown as a sign', () => {
  assert.ok(!refusal('app: "\\e[2J\\x07"').message.includes('\u001b'))
})
