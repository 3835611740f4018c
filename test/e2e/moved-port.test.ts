/** A stranger takes the port of an instance while that restarts: it gets no request, the instance moves, and the routes follow. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import type { InstanceState } from '../../src/ports/runtime.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall, SMALL_HOST } from '../helpers/small-app.ts'

describe('an instance whose port a stranger takes', { timeout: 120_000 }, () => {
  let site: Installation
  const stranger: Server = createServer((_, response) => response.end('a stranger'))
  before(async () => {
    site = await openInstallation(assembleSmall)
    await site.must(['deploy'])
  })
  after(async () => {
    stranger.closeAllConnections()
    stranger.close()
    await site.close()
  })

  const instance = async (): Promise<InstanceState> => {
    const found = (await site.status()).services[0]?.group?.instances[0]
    assert.ok(found)
    return found
  }
  const portOf = ({ backend }: InstanceState): number | undefined => (backend?.kind === 'tcp' ? backend.port : undefined)

  test('moves to another port, and what is asked of the route meanwhile waits and is answered from there', async () => {
    const { pid = 0, ...was } = await instance()
    const [taken, { generation }] = [portOf(was), await site.status()]
    // Its successor takes a moment to start; the stranger asks all the time.
    const listening = new Promise<void>(resolve => stranger.on('listening', resolve))
    stranger.on('error', () => stranger.listen(taken, '127.0.0.1'))
    stranger.listen(taken, '127.0.0.1')
    process.kill(pid, 'SIGKILL')
    await listening
    const asked = site.ask(SMALL_HOST)
    await site.until(({ state, services }) => state === 'up' && portOf(services[0]?.group?.instances[0] ?? was) !== taken)
    const moved = portOf(await instance())
    assert.notEqual(moved, taken)
    for (const { text } of [await asked, await site.ask(SMALL_HOST)]) assert.equal(JSON.parse(text).pid, (await instance()).pid)
    const after = await site.status()
    assert.deepEqual([after.state, after.generation], ['up', generation])
  })

  test('is found there by the next deploy, and by an agent that starts anew', async () => {
    await site.run(['agent', 'stop'])
    await site.run(['agent', 'start'])
    assert.match((await site.ask(SMALL_HOST)).text, /"release":"r1"/)
    await site.must(['restart'])
    assert.match((await site.ask(SMALL_HOST)).text, /"release":"r1"/)
  })
})
