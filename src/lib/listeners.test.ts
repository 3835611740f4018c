import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { listeners, parseListener, portHolder, socketInodes } from './listeners.ts'

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

  test('of each listener, however many there are, on both families, with connections beside them', async context => {
    const hosts = existsSync('/proc/net/if_inet6') ? ['127.0.0.1', '::1'] : ['127.0.0.1']
    const servers = hosts.flatMap(host => Array.from({ length: 20 }, () => createServer().listen(0, host)))
    await Promise.all(servers.map(server => once(server, 'listening')))
    const ports = servers.map(server => (server.address() as { port: number }).port)
    const client = connect(ports[0] ?? 0, '127.0.0.1')
    context.after(() => {
      client.destroy()
      for (const server of servers) server.close()
    })
    await once(client, 'connect')
    const found = listeners('self').map(({ port }) => port)
    assert.deepEqual(
      ports.filter(port => !found.includes(port)),
      [],
    )
    assert.ok(!found.includes(client.localPort ?? 0), 'a connection is none')
  })

  test('of a line: the listener, of a connection none', () => {
    const rest = '00000000:00000000 00:00000000 00000000     0        0 33101 1 0 100 0 0 10 0'
    assert.deepEqual(parseListener(`   0: 0100007F:4E20 00000000:0000 0A ${rest}`), { address: '0100007F', port: 20_000, inode: '33101' })
    assert.equal(parseListener(`   1: 0100007F:4E20 0100007F:9C40 01 ${rest}`), undefined)
  })
})
