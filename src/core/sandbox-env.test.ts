import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindSecrets, dummyFor } from './sandbox-env.ts'

const declared = { KEY: { external: false }, PAYMENTS: { external: true } }
const refs = [
  { name: 'KEY', version: 2 },
  { name: 'PAYMENTS', version: 5 },
]

test('live, every secret is a reference', () => {
  assert.deepEqual([...bindSecrets(declared, refs, 'live').values()], [{ open: refs[0] }, { open: refs[1] }])
})

test('in a sandbox the secrets of somebody outside are dummies and the own ones are real', () => {
  assert.deepEqual([...bindSecrets(declared, refs, 'sandbox').values()], [{ open: refs[0] }, { dummy: 'dummy-PAYMENTS' }])
})

test('the dummy of a URL parses and leads nowhere', () => {
  assert.equal(new URL(dummyFor('SHOP_API_URL')).hostname, 'dummy-shop-api-url.invalid')
})
