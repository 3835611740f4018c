/** Requests whose header section comes alone: the instance may answer it, the client may wait for that. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import { type FrontUnderTest, startFront } from '../../../../../test/helpers/front.ts'
import { startInstance } from '../../../../../test/helpers/instance.ts'
import { eventually, rawConnect, readUntil } from '../../../../../test/helpers/raw.ts'

const FRAMINGS = [
  { kind: 'of known length', header: 'Content-Length: 3', body: 'abc' },
  { kind: 'in chunks', header: 'Transfer-Encoding: chunked', body: '3\r\nabc\r\n0\r\n\r\n' },
]

async function startFor(t: TestContext, listener: RequestListener): Promise<FrontUnderTest> {
  const front = await startFront()
  const instance = await startInstance(listener)
  front.serve(instance.backend)
  t.after(async () => {
    await instance.stop()
    await front.stop()
  })
  return front
}

for (const { kind, header, body } of FRAMINGS) {
  const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`

  test(`a body ${kind} that the client holds back can be refused before it comes, and the connection goes on`, async t => {
    const front = await startFor(t, (request, response) => {
      if (request.url === '/next') response.end('next')
      else response.writeHead(401, { 'set-cookie': ['a=1', 'b=2'] }).end('who are you?')
    })
    const socket = await rawConnect(front.port)
    socket.write(post('/'))
    const got = await readUntil(socket, text => text.includes('who are you?'))
    assert.match(got, /^HTTP\/1\.1 401 Unauthorized\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n/)
    socket.write(`${body}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`)
    assert.match(await readUntil(socket, text => text.includes('next')), /^HTTP\/1\.1 200 OK/)
    assert.equal(front.board.activations.get('r1-op1')?.requests, 2)
    assert.equal(front.board.activations.get('r1-op1')?.inFlight, 0)
    socket.destroy()
  })

  test(`an instance may speak first, and a body ${kind} then arrives whole`, async t => {
    const front = await startFor(t, (request, response) => {
      response.writeHead(200, { trailer: 'x-sum' })
      response.write(`${request.method} hello`)
      request.on('data', chunk => response.write(`<${chunk}>`))
      request.on('end', () => {
        response.addTrailers({ 'x-sum': '42' })
        response.end()
      })
    })
    for (const method of ['POST', 'DELETE']) {
      const socket = await rawConnect(front.port)
      socket.write(post('/').replace('POST', method))
      await readUntil(socket, text => text.includes(`${method} hello`))
      socket.write(body)
      assert.match(await readUntil(socket, text => text.endsWith('\r\n\r\n')), /<abc>[\s\S]*0\r\nx-sum: 42\r\n\r\n$/)
      socket.destroy()
    }
  })

  test(`a client that leaves before its body ${kind} came takes its request back`, async t => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
    const { promise: gone, resolve: leave } = Promise.withResolvers<void>()
    const front = await startFor(t, (request, response) => {
      request.on('error', () => {})
      response.once('close', leave)
      arrive()
    })
    const socket = await rawConnect(front.port)
    socket.write(post('/'))
    await arrived
    assert.equal(front.board.activations.get('r1-op1')?.inFlight, 1)
    socket.destroy()
    await gone
    await eventually('nothing is in flight', () => front.board.activations.get('r1-op1')?.inFlight === 0)
    assert.equal(front.board.activations.get('r1-op1')?.errors, 0)
  })

  test(`an instance that breaks off before a body ${kind} came is told as for any request`, async t => {
    const front = await startFor(t, (request, response) => {
      if (request.url === '/part') response.write('part', () => request.socket.destroy())
      else request.socket.destroy()
    })
    for (const [path, answer] of [
      ['/', /^HTTP\/1\.1 502 /],
      ['/part', /^HTTP\/1\.1 200 OK[\s\S]*part\r\n$/],
    ] as const) {
      const socket = await rawConnect(front.port)
      socket.write(post(path))
      assert.match(await readUntil(socket, text => text.includes('did not answer')), answer)
      socket.destroy()
    }
    await eventually('nothing is in flight', () => front.board.activations.get('r1-op1')?.inFlight === 0)
    assert.equal(front.board.activations.get('r1-op1')?.errors, 2)
  })
}

test('a large body that comes late arrives whole, and neither side outruns the other', async t => {
  const chunk = randomBytes(1 << 20)
  const hash = createHash('sha256')
  let taken = 0
  const { promise: heard, resolve: hear } = Promise.withResolvers<void>()
  const front = await startFor(t, (request, response) => {
    response.writeHead(200).flushHeaders()
    void heard.then(() => {
      request.on('data', part => {
        taken += part.length
        hash.update(part)
      })
      request.on('end', () => response.end(hash.digest('hex')))
    })
  })
  const socket = await rawConnect(front.port)
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${30 * chunk.length}\r\n\r\n`)
  await readUntil(socket, text => text.includes('\r\n\r\n'))
  const expected = createHash('sha256')
  for (let i = 0; i < 30; i++) {
    socket.write(chunk)
    expected.update(chunk)
  }
  let [before, still] = [0, 0]
  await eventually('the front takes no more than the instance does', () => {
    still = socket.bytesWritten - socket.writableLength === before ? still + 1 : 0
    before = socket.bytesWritten - socket.writableLength
    return still === 20
  })
  assert.ok(socket.writableLength > 10 * chunk.length, `${socket.writableLength} bytes wait at the client`)
  hear()
  assert.ok((await readUntil(socket, text => text.includes('\r\n0\r\n'))).includes(expected.digest('hex')))
  assert.equal(taken, 30 * chunk.length)
  socket.destroy()
})
