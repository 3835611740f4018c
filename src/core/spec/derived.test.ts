import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GUESTBOOK } from '../../../test/helpers/sample-specs.ts'
import { externalPath, migrationEnvironment, neededSecrets, readyCheck, smokeTestService, takesRequests } from './derived.ts'
import { parseSpec } from './parse.ts'

const parse = (text: string) => parseSpec(text, { file: 'fettle.yaml' }).spec
const guestbook = parse(GUESTBOOK)

test('a smoke test asks the service of the first route unless it names one', () => {
  assert.equal(smokeTestService(guestbook, {}), 'web')
  assert.equal(smokeTestService(guestbook, { service: 'digest' }), 'digest')
  assert.equal(smokeTestService(parse('app: a'), {}), undefined)
})

test('requests lead to a service by a route, a smoke test or its own check', () => {
  const spec = parse(`app: a
services: { one: { run: x }, two: { run: x }, three: { run: x, ready: { http: / } }, four: { run: x } }
routes: [{ host: "*", to: one }]
release: { test: [{ http: /, service: two }] }
`)
  assert.deepEqual(
    ['one', 'two', 'three', 'four', 'five'].map(name => takesRequests(spec, name)),
    [true, true, true, false, false],
  )
})

test('a service without a check is ready by its port, or by staying up where nothing asks it', () => {
  const spec = parse('app: a\nservices: { web: { run: x, ready: { within: 5s } }, job: { run: y } }\nroutes: [{ host: "*", to: web }]')
  assert.deepEqual(readyCheck(spec, 'web'), { within: 5000, tcp: true })
  assert.deepEqual(readyCheck(spec, 'job'), { within: 30_000, uptime: 500 })
  assert.deepEqual(readyCheck(guestbook, 'web'), { http: '/health', within: 30_000 })
})

test('a migration has the environment of the first route’s service, unless it has its own', () => {
  assert.deepEqual(Object.keys(migrationEnvironment(guestbook)), ['DATABASE', 'UPLOADS', 'KEY'])
  assert.deepEqual(migrationEnvironment(parse('app: a\nservices: { w: { run: x, env: { A: 1 } } }\nrelease: { env: { B: 2 } }')), {
    B: '2',
  })
  assert.deepEqual(migrationEnvironment(parse('app: a\nservices: { w: { run: x, env: { A: 1 } } }')), { A: '1' })
  assert.deepEqual(migrationEnvironment(parse('app: a')), {})
})

test('a store with an absolute path is somebody else’s', () => {
  assert.deepEqual([{ sqlite: '/srv/a.db' }, { files: '/srv/b' }, { sqlite: 'a.db' }, { files: '.' }].map(externalPath), [
    '/srv/a.db',
    '/srv/b',
    undefined,
    undefined,
  ])
})

test('a release needs the secrets that it declares or refers to', () => {
  assert.deepEqual(neededSecrets(guestbook), ['KEY'])
  assert.deepEqual(neededSecrets(parse('app: a\nsecrets: [B, A]\nrelease: { env: { X: "${secrets.A}" } }')), ['A', 'B'])
})
