import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GUESTBOOK } from '../../../test/helpers/sample-specs.ts'
import { exitCodeOf, FettleError } from '../errors.ts'
import { parseSpec } from './parse.ts'
import type { Problem } from './problem.ts'
import { problemLine } from './problem-text.ts'

const file = 'fettle.yaml'
const parse = (text: string, environment?: string) => parseSpec(text, { file, environment }).spec

function refused(text: string): FettleError {
  try {
    parseSpec(text, { file })
  } catch (error) {
    if (error instanceof FettleError && error.code === 'SPEC_INVALID') return error
    throw error
  }
  throw new assert.AssertionError({ message: `accepted:\n${text}` })
}
const problems = (text: string): Problem[] => refused(text).context?.problems as Problem[]
const lines = (text: string): string[] => problems(text).map(problem => problemLine(problem).slice(file.length + 1))

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
  const error = refused('app: a\nservices:\n  web:\n    run: x\n    instnaces: 2\n')
  assert.equal(exitCodeOf(error.code), 2)
  assert.deepEqual(error.context?.problems, [
    { file, line: 5, column: 5, text: 'instnaces', message: 'unknown key "instnaces"', nearest: 'instances' },
  ])
  assert.equal(
    error.message,
    'fettle.yaml:5:5: unknown key "instnaces"; did you mean "instances"?\n    5 |     instnaces: 2\n      |     ^^^^^^^^^',
  )
})

const REFUSED: [title: string, text: string, expected: string[]][] = [
  ['an empty file', '', ['1:1: the file is empty; it needs at least `app: <name>`']],
  ['a file of comments', '# nothing\n', ['1:1: the file is empty; it needs at least `app: <name>`']],
  ['a list', '- app', ['1:1: expected a map such as `app: <name>`, found a list']],
  ['a single word', 'hello', ['1:1: expected a map such as `app: <name>`, found a single value']],
  ['a file without a name', 'services: {}', ['1:1: "app" is missing (name of the application)']],
  ['a name that is a number', 'app: 7', ['1:6: expected text, found a number']],
  [
    'a name with capitals',
    'app: Shop',
    ['1:6: expected a name of lower-case letters, digits and -, starting with a letter, at most 40 long; found Shop'],
  ],
  ['a newer format', 'fettle: 2\napp: a\nnew: key', ['1:9: the file has format 2; this fettle reads format 1: upgrade fettle']],
  ['a format that is no number', 'fettle: one\napp: a', ['1:9: expected 1']],
  ['a key that stands twice', 'app: a\nservices: {}\napp: b', ['3:1: the key "app" stands here twice']],
  ['a tab as indentation', 'app: a\nservices:\n\tweb: {}', ['3:1: a tab indents this line; YAML wants spaces']],
  ['two documents', 'app: a\n---\napp: b', ['2:1: a second YAML document begins here; the file holds one']],
  ['a tag', 'app: !name a', ['1:6: tags (!…) have no meaning here']],
  ['a value with a colon', 'app: a: b', ['1:6: a second key in one line; a value with a colon and a space in it needs quotes']],
  [
    'a star without quotes',
    'app: a\nroutes: [{ host: *, to: web }]',
    ['2:18: a * without quotes begins an alias; a plain star is written "*"'],
  ],
  [
    'a reference without quotes inside braces',
    'app: a\nservices: { web: { run: x, env: { A: ${stores.d.path} } } }',
    ['2:39: inside { } and [ ] a value with ${…} needs quotes'],
  ],
  ['a quote that stays open', 'app: "a', ['1:8: not YAML: Missing closing "quote']],
  [
    'an alias to nothing',
    'app: a\nx-a: &base {}\nservices: { web: *bse }',
    ['3:18: no anchor &bse stands before this alias; did you mean "base"?'],
  ],
  ['a merge of a list', 'app: a\nservices: { web: { <<: [[1]], run: x } }', ['2:25: << merges maps only']],
  ['a map as a key', 'app: a\n? [b]\n: c', ['2:3: a key must be text']],
  ['a NUL byte', 'app: a\0b', ['1:7: a control character (0x00) cannot stand in the file']],
  [
    'bytes that are not UTF-8',
    Buffer.from([0x61, 0x3a, 0x20, 0xff]).toString(),
    ['1:4: bytes that are not UTF-8 cannot stand in the file'],
  ],
  ['an unknown section', 'app: a\nservces: {}', ['2:1: unknown key "servces"; did you mean "services"?']],
  ['an unknown key like no other', 'app: a\nstores: { data: { zzzzzz: x } }', ['2:19: unknown key "zzzzzz"; known here: sqlite, files']],
  ['a misspelt kind of store', 'app: a\nstores: { data: { sqlitee: x.db } }', ['2:19: unknown key "sqlitee"; did you mean "sqlite"?']],
  [
    'a store of two kinds',
    'app: a\nstores: { data: { sqlite: x.db, files: . } }',
    ['2:11: expected only one of the keys sqlite, files; found sqlite and files'],
  ],
  ['a store of no kind', 'app: a\nstores: { data: {} }', ['2:11: expected one of the keys sqlite, files']],
  ['a store that is text', 'app: a\nstores: { data: x.db }', ['2:17: expected a map, found text']],
  [
    'a database outside the store',
    'app: a\nstores: { a: { sqlite: ../x.db }, b: { sqlite: sub/x.db }, c: { sqlite: /a/../b.db } }',
    ['../x.db', 'sub/x.db', '/a/../b.db'].map(
      (name, index) =>
        `2:${[24, 48, 73][index]}: expected a plain file name, or the absolute path of a database that something else runs; found ${name}`,
    ),
  ],
  [
    'a folder outside the store',
    'app: a\nstores: { a: { files: ../x } }',
    ['2:23: expected a folder inside the store (no ..), or the absolute path of a folder that something else fills; found ../x'],
  ],
  ['a build that is a number', 'app: a\nbuild: 3', ['2:8: expected text or a list, found a number']],
  ['an empty command', 'app: a\nservices: { web: { run: "" } }', ['2:25: must not be empty']],
  [
    'a service without a command',
    'app: a\nservices: { web: {} }',
    ['2:13: "run" is missing (the command that runs, by `sh -c` in the folder of the release; it gets PORT)'],
  ],
  ['a word for a number', 'app: a\nservices: { web: { run: x, instances: two } }', ['2:39: expected a number, found text']],
  ['half an instance', 'app: a\nservices: { web: { run: x, instances: 1.5 } }', ['2:39: expected a whole number, found a number']],
  ['too many instances', 'app: a\nservices: { web: { run: x, instances: 5000 } }', ['2:39: expected at most 1000, found 5000']],
  [
    'a duration without a unit',
    'app: a\nservices: { web: { run: x, stop: { drain: 10 } } }',
    ['2:43: expected a duration of at most ten years, such as 30s or 1h30m; found 10'],
  ],
  [
    'a duration that is impossible',
    'app: a\nservices: { web: { run: x, stop: { drain: 99999999w } } }',
    ['2:43: expected a duration of at most ten years, such as 30s or 1h30m; found 99999999w'],
  ],
  [
    'a time limit of nothing',
    'app: a\nservices: { web: { run: x, ready: { tcp: true, within: 0s } } }',
    ['2:56: expected a duration above 0 and of at most ten years, such as 30s or 1h30m; found 0s'],
  ],
  [
    'a size that is none',
    'app: a\nservices: { web: { run: x, limits: { memory: 1Q } } }',
    ['2:46: expected a size, such as 256M or 2kB; found 1Q'],
  ],
  ['more than all', 'app: a\nrelease: { bake: { errors: 101% } }', ['2:28: expected a percentage, such as 5%; found 101%']],
  [
    'a misspelt signal',
    'app: a\nservices: { web: { run: x, stop: { signal: SIGTRM } } }',
    ['2:44: expected one of SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2; did you mean "SIGTERM"?'],
  ],
  [
    'a misspelt mode in its short form',
    'app: a\nrelease: { rehearse: newest }',
    ['2:22: expected one of on, newest-proven, off; did you mean "newest-proven"?'],
  ],
  [
    'a variable with a dash',
    'app: a\nservices: { web: { run: x, env: { A-B: 1 } } }',
    ['2:35: expected a name of letters, digits and _, not starting with a digit'],
  ],
  [
    'a variable without a value',
    'app: a\nservices: { web: { run: x, env: { A: } } }',
    ['2:35: expected text or a number or true or false, found nothing'],
  ],
  [
    'a host with a scheme',
    'app: a\nservices: { web: { run: x } }\nroutes: [{ host: "http://a", to: web }]',
    ['3:18: expected a host name without scheme, port or path, such as shop.example.com, or *; found http://a'],
  ],
  [
    'a route to nowhere',
    'app: a\nservices: { web: { run: x } }\nroutes: [{ host: "*", to: wbe }]',
    ['3:27: no service "wbe"; did you mean "web"?'],
  ],
  ['a route in a file without services', 'app: a\nroutes: [{ host: "*", to: web }]', ['2:27: no service "web"; `services:` names none']],
  [
    'two routes with one address',
    'app: a\nservices: { web: { run: x } }\nroutes: [{ host: A.b, path: /x/, to: web }, { host: a.B, path: /x, to: web }]',
    ['3:53: route 1 has the same host and path'],
  ],
  [
    'a store that does not exist',
    'app: a\nservices: { web: { run: x, env: { D: "in ${stores.dat.path}" } } }\nstores: { data: { files: . } }',
    ['2:42: no store "dat" in ${stores.dat.path}; did you mean "data"?'],
  ],
  [
    'a secret that is not declared',
    'app: a\nservices: { web: { run: x, env: { D: "${secrets.KEY}" } } }',
    ['2:39: no secret "KEY" in ${secrets.KEY}; `secrets:` names none'],
  ],
  [
    'a reference with a wrong root',
    'app: a\nservices: { web: { run: x, env: { D: "${store.data.path}" } } }\nstores: { data: { files: . } }',
    [
      '2:39: ${store.data.path}: expected ${stores.<name>.path}, ${secrets.<NAME>}, ${environment}, ${app} or ${release}; a plain ${ is written $${; did you mean "${stores.data.path}"?',
    ],
  ],
  [
    'a secret in a command',
    'app: a\nservices: { web: { run: "x ${secrets.KEY}" } }\nsecrets: [KEY]',
    ['2:28: ${secrets.KEY} would stand in the list of processes; put it into `env` and use the variable here'],
  ],
  [
    'a store in a build',
    'app: a\nbuild: [a, "x ${stores.data.path}"]\nstores: { data: { files: . } }',
    ['2:15: a build is the same for every environment and cannot use ${stores.data.path}'],
  ],
  [
    'two of a singleton',
    'app: a\nservices: { web: { run: x, singleton: true, instances: 2 } }',
    ['2:56: a singleton never runs twice: expected 1, or `singleton: false`'],
  ],
  [
    'a check that never comes',
    'app: a\nservices: { web: { run: x, ready: { uptime: 1m } } }',
    ['2:45: would never be ready: `uptime` is not shorter than `within`'],
  ],
  [
    'a test of an unknown service',
    'app: a\nservices: { web: { run: x } }\nrelease: { test: [{ http: /, service: wbe }] }',
    ['3:39: no service "wbe"; did you mean "web"?'],
  ],
  [
    'a test that nobody answers',
    'app: a\nrelease: { test: [{ http: / }] }',
    ['2:19: there is no route, so the test must name its `service`'],
  ],
  [
    'a test of the body of HEAD',
    'app: a\nservices: { w: { run: x } }\nrelease: { test: [{ http: /, service: w, method: HEAD, contains: x }] }',
    ['3:50: an answer to HEAD has no body to look into'],
  ],
  [
    'an expectation of nothing',
    'app: a\nstores: { d: { files: . } }\nbackups: { drill: { expect: [{ at-least: 1 }] } }',
    ['3:30: expected one of `sql` and `files`'],
  ],
  [
    'an expectation without a comparison',
    'app: a\nstores: { d: { files: . } }\nbackups: { drill: { expect: [{ files: "*" }] } }',
    ['3:30: expected a comparison: `at-least`, `at-most` (or both), or `equals`'],
  ],
  [
    'SQL on files',
    'app: a\nstores: { d: { files: . } }\nbackups: { drill: { expect: [{ sql: select 1, equals: 1 }] } }',
    ['3:37: the store d holds files and cannot be asked in SQL'],
  ],
  [
    'an expectation that does not say of which store',
    'app: a\nstores: { d: { files: . }, e: { files: . } }\nbackups: { drill: { expect: [{ files: "*", equals: 1 }] } }',
    ['3:30: expected `store`: there is more than one'],
  ],
  [
    'an overlay with the name of the app',
    'app: a\nenvironments: { s: { app: b } }',
    ['2:22: "app" is the same in every environment and cannot stand here'],
  ],
  ['an overlay that is a list', 'app: a\nenvironments: { s: [] }', ['2:20: expected a map of what differs in s']],
  ['environments as a list', 'app: a\nenvironments: [s]', ['2:15: expected a map such as `staging: {}`']],
  [
    'an overlay that removes what is not there',
    'app: a\nservices: { web: { run: x } }\nenvironments: { s: { services: { wbe: null } } }',
    ['3:34: nothing to remove: the rest of the file has no "wbe" here; did you mean "web"?'],
  ],
  [
    'a problem in an overlay that was not asked for, at the line of the overlay',
    'app: a\nservices: { web: { run: x } }\nenvironments:\n  production: {}\n  staging:\n    services: { web: { instances: many } }',
    ['6:35: expected a number, found text'],
  ],
]
for (const [title, text, expected] of REFUSED)
  test(`${title} is refused at its place`, () => {
    assert.deepEqual(lines(text), expected)
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
    lines(text).map(line => line.split(': ')[0]),
    ['3:18', '3:43', '4:3', '5:19', '6:27'],
  )
})

test('a problem of the shared part is told once, however many environments have it', () => {
  assert.equal(problems('app: a\nfoo: 1\nenvironments: { a: {}, b: {}, c: { build: x } }').length, 1)
})

test('at most a hundred problems are listed', () => {
  assert.equal(problems(`app: a\n${Array.from({ length: 500 }, (_, index) => `key${index}: 1`).join('\n')}`).length, 100)
})

test('what the terminal would take for a command is shown as a sign', () => {
  assert.ok(!refused('app: "\\e[2J\\x07"').message.includes('\u001b'))
})
