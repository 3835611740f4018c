import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../secret.ts'
import { references, resolveCommand, resolveEnvironment, resolveReferences, type Scope } from './references.ts'

const scope: Scope = {
  app: 'shop',
  environment: 'staging',
  release: 'r7',
  stores: { data: '/data/shop.db', odd: '/my data/x' },
  secrets: { KEY: new Secret('s3cret') },
}

const VALUES: [text: string, expected: string][] = [
  ['plain', 'plain'],
  ['', ''],
  ['${stores.data.path}', '/data/shop.db'],
  ['file:${ stores.data.path }?mode=ro', 'file:/data/shop.db?mode=ro'],
  ['${app}-${environment}-${release}', 'shop-staging-r7'],
  ['$${app} costs $5 and ${app}', '${app} costs $5 and shop'],
  ['$PATH $(x) {a}', '$PATH $(x) {a}'],
]
for (const [text, expected] of VALUES)
  test(`the value ${JSON.stringify(text)} becomes ${JSON.stringify(expected)}`, () => {
    assert.equal(resolveReferences(text, scope), expected)
  })

test('a value with a secret in it is a secret as a whole', () => {
  const url = resolveReferences('https://u:${secrets.KEY}@${app}', scope)
  assert.ok(url instanceof Secret)
  assert.equal(url.reveal(), 'https://u:s3cret@shop')
})

test('an environment is resolved variable by variable, numbers as text', () => {
  const env = resolveEnvironment({ A: 1, B: true, C: '${secrets.KEY}' }, scope)
  assert.deepEqual([env.A, env.B, env.C instanceof Secret], ['1', 'true', true])
})

test('a secret without a value is missing, with the command that sets it', () => {
  assert.throws(() => resolveReferences('${secrets.OTHER}', scope), { code: 'SECRET_MISSING', hint: /fettle secrets set OTHER/ })
})

test('names of every object are no stores and no secrets', () => {
  assert.throws(() => resolveReferences('${stores.constructor.path}', scope), { code: 'NOT_FOUND' })
  assert.throws(() => resolveReferences('${secrets.toString}', scope), { code: 'SECRET_MISSING' })
})

test('what looks like a reference and is none is found with its place', () => {
  const kinds = references('a ${foo} ${stores.data} ${stores.data.path} ${').map(({ kind, start, written }) => [kind, start, written])
  assert.deepEqual(kinds, [
    ['unknown', 2, '${foo}'],
    ['unknown', 9, '${stores.data}'],
    ['store', 24, '${stores.data.path}'],
    ['unknown', 44, '${'],
  ])
})

test('in a command only names with a dot are references; the rest is the shell’s', () => {
  assert.equal(resolveCommand('x ${PORT:-80} ${app} $HOME "${stores.data.path}"', scope), 'x ${PORT:-80} ${app} $HOME "/data/shop.db"')
})

test('a command takes no path that a shell would take apart, and no secret', () => {
  assert.throws(() => resolveCommand('x ${stores.odd.path}', scope), { code: 'UNSUPPORTED', hint: /env/ })
  assert.throws(() => resolveCommand('x ${secrets.KEY}', scope), { code: 'REFUSED' })
})
