/** Which connection carries a request, and what happens when an instance is not there or goes away. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startFront } from '../../../../../test/helpers/front.ts'
import { ask } from '../../../../../test/helpers/http.ts'
import { named, startInstance } from '../../../../../test/helpers/instance.ts'
import { eventually } from '../../../../../test/helpers/raw.ts'
import { readBootId } from '../../../../lib/proc-files.ts'
import type { Backend } from '../../../../ports/runtime.ts'

/** A server that answers every request in one write, by what `answer` says, and knows its connections. */
async function startRaw(
  answer: (socket: Socket, request: string) => void,
): Promise<{ backend: Backend; sockets: Socket[]; stop(): Promise<void> }> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => answer(socket, chunk.toString()))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const stop = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  return { backend: { kind: 'tcp', host: '127.0.0.1', port }, sockets, stop }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

test('no POST is lost to an instance that closes idle connections just as the next one comes', async () => {
  const front = await startFront()
  const idle = new Map<Socket, NodeJS.Timeout>()
  const instance = await startRaw(socket => {
    clearTimeout(idle.get(socket))
    socket.write(OK)
    idle.set(
      socket,
      setTimeout(() => socket.destroy(), 30),
    )
  })
  front.serve(instance.backend)
  const statuses: number[] = []
  for (let i = 0; i < 80; i++) {
    statuses.push((await ask(front.address, { method: 'POST', body: 'x' })).status)
    await delay(27 + (i % 7))
  }
  assert.deepEqual(new Set(statuses), new Set([200]))
  await front.stop()
  await instance.stop()
})

test('connections are used again when requests follow closely', async () => {
  const front = await startFront()
  const instance = await startRaw(socket => socket.write(OK.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=5\r\n\r\n')))
  front.serve(instance.backend)
  for (let i = 0; i < 20; i++) await ask(front.address, { method: i % 2 === 0 ? 'GET' : 'POST' })
  assert.equal(instance.sockets.length, 1)
  await front.stop()
  await instance.stop()
})

test('a connection that the front closes itself, as after HEAD, teaches nothing about the instance', async () => {
  const front = await startFront()
  const instance = await startRaw(socket =>
    socket.write(OK.replace('ok', '').replace(': 2', ': 0').replace('\r\n\r\n', '\r\nKeep-Alive: timeout=5\r\n\r\n')),
  )
  front.serve(instance.backend)
  for (const method of ['POST', 'HEAD', 'POST', 'POST', 'POST']) assert.equal((await ask(front.address, { method })).status, 200)
  assert.equal(instance.sockets.length, 2)
  await front.stop()
  await instance.stop()
})

test('after a switch the front keeps no connection to the old instance', async () => {
  const front = await startFront()
  const old = await startRaw(socket => socket.write(OK))
  const fresh = await startRaw(socket => socket.write(OK))
  front.serve(old.backend)
  await Promise.all([1, 2, 3].map(() => ask(front.address)))
  const closed = old.sockets.map(socket => new Promise(resolve => socket.once('close', resolve)))
  front.serve(fresh.backend)
  await Promise.all(closed)
  await front.stop()
  for (const instance of [old, fresh]) await instance.stop()
})

test('a GET that meets the close of its connection is sent again, a POST is not', async () => {
  const front = await startFront()
  let requests = 0
  const instance = await startRaw(socket => {
    requests += 1
    if (requests % 2 === 0) socket.destroy()
    else socket.write(OK.replace('\r\n\r\n', '\r\nKeep-Alive: timeout=5\r\n\r\n'))
  })
  front.serve(instance.backend)
  assert.equal((await ask(front.address)).status, 200)
  assert.equal((await ask(front.address)).status, 200)
  assert.equal(requests, 3)
  assert.equal((await ask(front.address, { method: 'POST', body: 'x' })).status, 502)
  assert.equal(requests, 4)
  await front.stop()
  await instance.stop()
})

test('a GET that ends every connection is given up after three', async () => {
  const front = await startFront()
  let requests = 0
  const instance = await startRaw(socket => {
    requests += 1
    socket.destroy()
  })
  front.serve(instance.backend)
  assert.equal((await ask(front.address)).status, 502)
  assert.equal(requests, 3)
  await front.stop()
  await instance.stop()
})

test('requests wait for an instance that restarts, POST with its body too', async () => {
  const front = await startFront()
  const first = await startInstance(named('first'))
  front.serve(first.backend)
  assert.equal((await ask(front.address)).status, 200)
  await first.stop()
  const waiting = Promise.all([ask(front.address), ask(front.address, { method: 'POST', body: 'kept' }), ask(front.address)])
  await delay(50)
  const second = await startInstance(named('second'), first.backend.kind === 'tcp' ? first.backend.port : '')
  const replies = (await waiting).map(reply => JSON.parse(reply.text))
  assert.deepEqual(
    replies.map(({ name, body }) => `${name} ${body}`),
    ['second ', 'second kept', 'second '],
  )
  await front.stop()
  await second.stop()
})

test('requests that wait for an instance go to the new table as soon as there is one', async () => {
  const front = await startFront()
  const [gone, fresh] = [await startInstance(named('gone')), await startInstance(named('fresh'))]
  await gone.stop()
  front.serve(gone.backend)
  const waiting = ask(front.address, { method: 'POST', body: 'kept' })
  await delay(20)
  front.serve(fresh.backend)
  assert.equal(JSON.parse((await waiting).text).name, 'fresh')
  await front.stop()
  await fresh.stop()
})

test('a request gets 502 when no instance came back within the limit, and counts as an error', async () => {
  const front = await startFront({ restartWaitMs: 30 })
  const gone = await startInstance(named('gone'))
  await gone.stop()
  front.serve(gone.backend)
  const { status, text } = await ask(front.address)
  assert.equal(status, 502)
  assert.match(text, /did not answer/)
  assert.equal(front.board.activations.get('r1-op1')?.errors, 1)
  await front.stop()
})

test('a stranger on the port of an instance gets no request, whatever the instance does; it waits for the instance', async t => {
  const front = await startFront()
  const unit = await mkdtemp(join(tmpdir(), 'fettle-unit-'))
  let name = ''
  const there = await startInstance((request, response) => named(name)(request, response))
  const other = spawn('sleep', ['86400'], { env: {} })
  t.after(async () => {
    other.kill()
    await front.stop()
    await there.stop()
    await rm(unit, { recursive: true })
  })
  assert.ok(there.backend.kind === 'tcp')
  const state = (boot: string, phase: string, pid = 0) => writeFile(join(unit, 'state'), `${boot} ${phase} 7 ${pid} 9 1 - - 0`)
  const states = {
    'has another run': () => state(readBootId(), 'running', other.pid),
    waits: () => state(readBootId(), 'backoff'),
    'ran before a reboot': () => state(randomUUID(), 'running', process.pid),
    'is about to start': () => writeFile(join(unit, 'state'), ' '),
    'is removed': () => rm(join(unit, 'state')),
  }
  for (const [what, become] of Object.entries(states)) {
    await become()
    name = 'stranger'
    front.serve()
    front.serve({ ...there.backend, unit })
    const asked = ask(front.address, { method: 'POST', body: 'kept' })
    await eventually('the request waits', () => front.board.environment('shop', 'production').room.size === 1)
    name = 'instance'
    await state(readBootId(), 'running', process.pid)
    const answer = JSON.parse((await asked).text)
    assert.deepEqual([answer.name, answer.body], ['instance', 'kept'], `it ${what}`)
  }
})

test('what an instance started and no longer is the parent of may listen for it', async t => {
  const front = await startFront()
  const unit = await mkdtemp(join(tmpdir(), 'fettle-unit-'))
  const code = `require('node:http').createServer((_, a) => a.end('far')).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
  const far = spawn(process.execPath, ['-e', code], { env: { FETTLE_UNIT: unit }, stdio: ['ignore', 'pipe', 'inherit'] })
  const near = spawn('sleep', ['86400'])
  t.after(async () => {
    far.kill()
    near.kill()
    await front.stop()
    await rm(unit, { recursive: true })
  })
  const [port] = (await once(far.stdout, 'data')) as [Buffer]
  await writeFile(join(unit, 'state'), `${readBootId()} running 7 ${near.pid} 9 1 - - 0`)
  front.serve({ kind: 'tcp', host: '127.0.0.1', port: Number(port), unit })
  assert.equal((await ask(front.address)).text, 'far')
})

test('while one of two instances is down the other takes everything, and later both do', async () => {
  const front = await startFront()
  const [a, b] = [await startInstance(named('a')), await startInstance(named('b'))]
  front.serve(a.backend, b.backend)
  await a.stop()
  for (let i = 0; i < 6; i++) assert.equal(JSON.parse((await ask(front.address, { method: 'POST' })).text).name, 'b')
  const again = await startInstance(named('a'), a.backend.kind === 'tcp' ? a.backend.port : '')
  const names = new Set<string>()
  for (let i = 0; i < 2_000 && names.size < 2; i++) names.add(JSON.parse((await ask(front.address)).text).name)
  assert.deepEqual([...names].sort(), ['a', 'b'])
  await front.stop()
  for (const instance of [again, b]) await instance.stop()
})

test('the instance with the fewest requests in flight gets the next one', async () => {
  const front = await startFront()
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const slow = await startInstance((_request, response) => void finished.then(() => response.end('{"name":"slow"}')))
  const quick = await startInstance(named('quick'))
  front.serve(slow.backend, quick.backend)
  const first = ask(front.address)
  const names: string[] = []
  for (let i = 0; i < 5; i++) names.push(JSON.parse((await ask(front.address)).text).name)
  assert.deepEqual(new Set(names), new Set(['quick']))
  finish()
  assert.equal(JSON.parse((await first).text).name, 'slow')
  await front.stop()
  for (const instance of [slow, quick]) await instance.stop()
})

test('an instance on a unix socket is served', async () => {
  const front = await startFront()
  const path = join(tmpdir(), `fettle-instance-${process.pid}.sock`)
  const instance = await startInstance(named('unix'), path)
  front.serve(instance.backend)
  assert.equal(JSON.parse((await ask(front.address)).text).name, 'unix')
  await front.stop()
  await instance.stop()
  await rm(path, { force: true })
})

test('a connection that was being opened when the table changed carries nothing to the old instance', async () => {
  let found = () => {}
  const front = await startFront({ found: () => process.nextTick(found) })
  const seen: string[] = []
  const old = await startInstance((request, response) => {
    seen.push(request.url ?? '')
    named('old')(request, response)
  })
  const fresh = await startInstance(named('fresh'))
  front.serve(old.backend)
  // The front has found the old instance and begun to connect; no connection stands before the next turn of the event loop.
  found = () => {
    found = () => {}
    front.serve(fresh.backend)
  }
  assert.equal(JSON.parse((await ask(front.address)).text).name, 'fresh')
  assert.deepEqual(seen, [])
  await front.stop()
  for (const instance of [old, fresh]) await instance.stop()
})
