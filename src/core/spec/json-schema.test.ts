import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse as parseYaml } from 'yaml'
import { isValid } from '../../../test/helpers/json-schema.ts'
import { GUESTBOOK } from '../../../test/helpers/sample-specs.ts'
import { specJsonSchema } from './json-schema.ts'
import { parseSpec } from './parse.ts'

const schema = specJsonSchema()

function parses(text: string): boolean {
  try {
    parseSpec(text, { file: 'fettle.yaml' })
    return true
  } catch {
    return false
  }
}

const ACCEPTED = [
  GUESTBOOK,
  'app: a',
  'app: a\nx-note: [1]\nservices: { web: { run: x, x-owner: me, ready: { x-why: slow, tcp: true } } }',
  'app: a\nsource: { npm: "@scope/name@1.2.3" }\nbuild: [a, b]\nsecrets: { A: , B: { external: true } }',
  'app: a\nstores: { a: { sqlite: /srv/a.db }, b: { files: /srv/b }, c: { files: sub/folder } }',
  'app: a\nrelease: { rehearse: newest-proven, bake: { for: 0s, errors: 0.5% }, downtime: allowed }',
  'app: a\nrelease: { rehearse: { mode: off, at-most: 1m30s } }',
  'app: a\nservices: { web: { run: x, limits: { memory: 67108864 } } }',
  'app: a\nservices: { web: { run: x } }\nroutes: [{ host: A.Example.COM, to: web }]',
  'app: a\nservices: { w: { run: x } }\nroutes: []\nenvironments: { s: { services: { w: null }, routes: null, stores: { d: { files: . } } }, production: }',
]
const REFUSED = [
  'services: {}',
  'app: Shop',
  'app: constructor',
  'fettle: 2\napp: a',
  'app: a\nservces: {}',
  'app: a\nservices: { web: {} }',
  'app: a\nservices: { web: { run: "" } }',
  'app: a\nservices: { Web: { run: x } }',
  'app: a\nservices: { web: { run: x, instances: 1.5 } }',
  'app: a\nservices: { web: { run: x, stop: { drain: 10 } } }',
  'app: a\nservices: { web: { run: x, ready: { within: 0s } } }',
  'app: a\nservices: { web: { run: x, limits: { memory: 1Q } } }',
  'app: a\nservices: { web: { run: x, env: { A-B: x } } }',
  'app: a\nstores: { d: { sqlite: ../x } }',
  'app: a\nstores: { d: { sqlite: .. } }',
  'app: a\nstores: { d: { sqlite: /a/../b } }',
  'app: a\nstores: { d: { sqlite: /a/ } }',
  'app: a\nstores: { d: { files: a/../../b } }',
  'app: a\nstores: { d: { files: / } }',
  'app: a\nstores: { d: { sqlite: x, files: y } }',
  'app: a\nstores: { d: {} }',
  'app: a\nsource: { npm: verdaccio }',
  'app: a\nrelease: { rehearse: maybe }',
  'app: a\nrelease: { bake: { errors: 101% } }',
  'app: a\nroutes: [{ host: "http://a", to: web }]',
  'app: a\nenvironments: { s: { app: b } }',
  'app: a\nenvironments: { s: { servces: {} } }',
  'app: a\nservices: { w: { run: x } }\nenvironments: { s: { services: { w: { instances: many } } } }',
]
for (const text of ACCEPTED)
  test(`an editor and the parser accept: ${text.slice(0, 90).replaceAll('\n', ' ⏎ ')}`, () => {
    assert.deepEqual([parses(text), isValid(schema, parseYaml(text))], [true, true])
  })
for (const text of REFUSED)
  test(`an editor and the parser refuse: ${text.replaceAll('\n', ' ⏎ ')}`, () => {
    assert.deepEqual([parses(text), isValid(schema, parseYaml(text))], [false, false])
  })

test('the schema names its draft and itself', () => {
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema')
  assert.equal(schema.$id, 'urn:fettle:file:1')
  assert.deepEqual(schema.required, ['app'])
})

test('every key says what it means', () => {
  const silent: string[] = []
  const look = (part: typeof schema, path: string): void => {
    for (const [key, inner] of Object.entries(part.properties ?? {})) {
      if (inner.description === undefined) silent.push(`${path}${key}`)
      look(inner, `${path}${key}.`)
    }
    for (const inner of [part.items, ...(part.anyOf ?? [])]) if (inner !== undefined) look(inner, path)
    if (typeof part.additionalProperties === 'object') look(part.additionalProperties, `${path}*.`)
  }
  const { environments: _overlays, ...properties } = schema.properties ?? {}
  look({ ...schema, properties }, '')
  assert.deepEqual(silent, [])
})
