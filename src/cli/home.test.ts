import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { layout } from '../core/layout.ts'
import { CONTROL_SOCKET } from '../drivers/proxies/embedded/layout.ts'
import { homeOf, socketOf } from './home.ts'

const SUN_PATH = 108

it('a home is taken when each of its sockets fits into sun_path with its closing NUL, and refused when one byte is missing', () => {
  const room = SUN_PATH - 1 - '/units/s/01234567/65535'.length
  const longest = `/${'h'.repeat(room - 1)}`
  const paths = layout(longest)
  assert.equal(socketOf(longest), paths.socket)
  for (const socket of [paths.socket, join(paths.front, CONTROL_SOCKET), paths.longestSocket]) assert.ok(socket.length < SUN_PATH, socket)
  assert.throws(() => socketOf(`${longest}h`), { code: 'USAGE', message: /too long.* the longest below it has 108$/ })
})

it('an empty HOME is no folder: the home is that of the user', () => {
  assert.equal(homeOf(undefined, { HOME: '' }, '/somewhere', 1000), join(userInfo().homedir, '.local/state/fettle'))
})
