import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildRouting, findRoute, hostName } from './routing.ts'

const routing = buildRouting([
  { host: 'shop.example', path: '/', value: 'shop' },
  { host: 'shop.example', path: '/api', value: 'api' },
  { host: 'shop.example', path: '/api/v2/', value: 'v2' },
  { host: 'files.example', path: '/files', value: 'files' },
  { host: '*', path: '/', value: 'any' },
])

for (const [host, target, expected] of [
  ['shop.example', '/', 'shop'],
  ['shop.example', '/api', 'api'],
  ['shop.example', '/api?x=1', 'api'],
  ['shop.example', '/api/x', 'api'],
  ['shop.example', '/apix', 'shop'],
  ['shop.example', '/api/v2', 'v2'],
  ['shop.example', '/api/v2/x', 'v2'],
  ['SHOP.example.:8080', '/', 'shop'],
  ['files.example', '/files/a', 'files'],
  ['files.example', '/other', 'any'],
  ['unknown.example', '/', 'any'],
  ['', '/', 'any'],
] as const) {
  test(`a request for ${host || '(no host)'} ${target} goes to ${expected}`, () => {
    assert.equal(findRoute(routing, host, target), expected)
  })
}

test('a request that no route takes finds nothing', () => {
  assert.equal(findRoute(buildRouting([{ host: 'a.example', path: '/x', value: 1 }]), 'a.example', '/'), undefined)
  assert.equal(findRoute(buildRouting<number>([]), 'a.example', '/'), undefined)
})

test('the port of an IPv6 address is cut off, not its last group', () => {
  assert.equal(hostName('[::1]:80'), '[::1]')
  assert.equal(hostName('[::1]'), '[::1]')
})
