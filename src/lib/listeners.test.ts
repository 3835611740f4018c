import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { listeners, parseListeners, portHolder, socketInodes } from './listeners.ts'

describe('what /proc tells', () => {
  test('of listeners: whose they are, also in words', async context => {
    const server = createServer().listen(0, '127.0.0.1')
    context.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const [found] = listeners('self').filter(listener => listener.port === port)
    assert.equal(found?.address, '0100007F')
    assert.ok(socketInodes(process.pid).has(found?.inode ?? ''))
    assert.match(portHolder(port) ?? '', new RegExp(`^node\\b.* \\(pid ${process.pid}\\)$`), 'the program, not its main thread')
    server.close()
    await once(server, 'close')
    assert.equal(portHolder(port), undefined)
  })

  test('of a table with connections behind the listeners: the listeners', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 33101 1 0 100 0 0 10 0
   1: 0100007F:4E20 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 33102 1 0 20 4 30 10 -1
`
    assert.deepEqual([...parseListeners(table.split('\n'))], [{ address: '0100007F', port: 20_000, inode: '33101' }])
  })
})
