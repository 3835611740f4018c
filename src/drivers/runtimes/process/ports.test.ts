import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { Ports } from './ports.ts'

test('each port is given once, until it is released', () => {
  const ports = new Ports({ from: 61_000, to: 61_002 }, 7)
  const taken = [ports.take(), ports.take(), ports.take()]
  assert.deepEqual(taken.toSorted(), [61_000, 61_001, 61_002])
  assert.throws(() => ports.take(), { code: 'PORT_IN_USE' })
  ports.release(61_001)
  assert.equal(ports.take(), 61_001)
})

test('a port from before is not given to another', () => {
  const ports = new Ports({ from: 61_000, to: 61_001 })
  ports.keep(61_000)
  assert.equal(ports.take(), 61_001)
})

test('a port on which somebody listens is passed over', async context => {
  const server = createServer().listen(0, '0.0.0.0')
  context.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  assert.throws(() => new Ports({ from: port, to: port }).take(), { code: 'PORT_IN_USE' })
})
