/** Bodies, upgrades, and ends that come too early. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { request, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { type FrontUnderTest, startFront } from '../../../../../test/helpers/front.ts'
import { ask } from '../../../../../test/helpers/http.ts'
import { type Instance, startInstance } from '../../../../../test/helpers/instance.ts'
import { eventually, rawAsk, rawConnect, readUntil } from '../../../../../test/helpers/raw.ts'

const CHUNK = randomBytes(1 << 20)
const CHUNKS = 50

type Listener = Parameters<typeof startInstance>[0]

const withFront = (title: string, listener: Listener, body: (front: FrontUnderTest, instance: Instance) => Promise<void>) =>
  test(title, async () => {
    const front = await startFront()
    const instance = await startInstance(listener)
    front.serve(instance.backend)
    try {
      await body(front, instance)
    } finally {
      await instance.stop()
      await front.stop()
    }
  })

/** Writes 50 MB as fast as the other side takes them. */
async function writeAll(to: NodeJS.WritableStream): Promise<void> {
  for (let i = 0; i < CHUNKS; i++) if (!to.write(CHUNK)) await new Promise(resolve => to.once('drain', resolve))
  to.end()
}

function digestOfAll(): string {
  const hash = createHash('sha256')
  for (let i = 0; i < CHUNKS; i++) hash.update(CHUNK)
  return hash.digest('hex')
}

for (const headers of [{ 'content-length': String(CHUNK.length * CHUNKS) }, {}]) {
  const kind = 'content-length' in headers ? 'of known length' : 'in chunks'
  withFront(
    `an upload of 50 MB ${kind} arrives whole`,
    (incoming, response) => {
      const hash = createHash('sha256')
      incoming.on('data', chunk => hash.update(chunk)).on('end', () => response.end(hash.digest('hex')))
    },
    async front => {
      const outgoing = request(front.address, { method: 'POST', headers })
      const replied = new Promise<string>((resolve, reject) => {
        outgoing.on('error', reject).on('response', response => void readText(response).then(resolve, reject))
      })
      await writeAll(outgoing)
      assert.equal(await replied, digestOfAll())
    },
  )
}

withFront(
  'a download of 50 MB arrives whole',
  (_incoming, response) => void writeAll(response),
  async front => {
    const hash = createHash('sha256')
    await new Promise<void>((resolve, reject) => {
      const outgoing = request(front.address, response =>
        response
          .on('data', chunk => hash.update(chunk))
          .on('end', resolve)
          .on('error', reject),
      )
      outgoing.on('error', reject).end()
    })
    assert.equal(hash.digest('hex'), digestOfAll())
  },
)

let goOn: () => void
withFront(
  'the head of an answer is passed on at once, though its body comes later',
  (_incoming, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    goOn = () => response.end('data: late\n\n')
  },
  async front => {
    const socket = await rawConnect(front.port)
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.match(await readUntil(socket, got => got.includes('\r\n\r\n')), /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/event-stream/)
    goOn()
    await readUntil(socket, got => got.endsWith('0\r\n\r\n'))
    socket.destroy()
  },
)

let written = 0
withFront(
  'an instance is slowed to the pace of a client that does not read, not buffered without end',
  (_incoming, response) => {
    const more = () => {
      written += 1
      if (written === CHUNKS) response.end()
      else if (response.write(CHUNK)) more()
      else response.once('drain', more)
    }
    more()
  },
  async front => {
    const socket = await rawConnect(front.port)
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    let before = 0
    let still = 0
    await eventually('the instance stops writing', () => {
      still = written === before ? still + 1 : 0
      before = written
      return written > 0 && still === 20
    })
    assert.ok(written < CHUNKS / 2, `${written} MB were taken from the instance`)
    socket.destroy()
  },
)

withFront(
  'a client that is slow to send is waited for, and each part is passed on as it comes',
  (incoming, response) => {
    incoming.on('data', chunk => response.write(`<${chunk}>`)).on('end', () => response.end())
  },
  async front => {
    const socket = await rawConnect(front.port)
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
    await readUntil(socket, got => got.includes('<one>'))
    socket.write('3\r\ntwo\r\n0\r\n\r\n')
    await readUntil(socket, got => got.includes('<two>') && got.includes('0\r\n\r\n'))
    socket.destroy()
  },
)

withFront(
  'Expect: 100-continue is answered once the request is on its way',
  (incoming, response) => {
    let body = ''
    incoming.on('data', chunk => {
      body += chunk
    })
    incoming.on('end', () => response.end(`${incoming.headers.expect} ${body}`))
  },
  async front => {
    const socket = await rawConnect(front.port)
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n')
    assert.match(await readUntil(socket, got => got.includes('\r\n\r\n')), /^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    socket.write('hi')
    assert.match(await readUntil(socket, got => got.includes('hi')), /^HTTP\/1\.1 200 OK\r\n[\s\S]*undefined hi$/)
    socket.destroy()
  },
)

test('Expect: 100-continue to an unknown host gets its 404 and no 100', async () => {
  const front = await startFront()
  const got = await rawAsk(front.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n', text =>
    text.includes('\n'),
  )
  assert.match(got, /^HTTP\/1\.1 404 /)
  await front.stop()
})

withFront(
  'an answer that comes before the end of the upload reaches the client, and its connection goes on',
  (incoming, response) => {
    if (incoming.url === '/next') response.end('next')
    else response.writeHead(413).end('too large')
  },
  async front => {
    const socket = await rawConnect(front.port)
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n')
    socket.write('x'.repeat(50_000))
    assert.match(await readUntil(socket, got => got.includes('too large')), /^HTTP\/1\.1 413 /)
    socket.write(`${'x'.repeat(50_000)}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`)
    assert.match(await readUntil(socket, got => got.includes('next')), /^HTTP\/1\.1 200 /)
    socket.destroy()
  },
)

for (const [how, head] of [
  ['of known length', 'Content-Length: 100\r\n'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n'],
] as const) {
  withFront(
    `an answer ${how} that the instance breaks off is broken off for the client too, and counts as an error`,
    incoming => {
      incoming.socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n`)
      incoming.socket.write('5\r\nhello\r\n', () => incoming.socket.destroy())
    },
    async front => {
      const got = await rawAsk(front.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      assert.match(got, /^HTTP\/1\.1 200 OK/)
      assert.doesNotMatch(got, /0\r\n\r\n$/)
      assert.equal(front.board.activations.get('r1-op1')?.errors, 1)
    },
  )
}

let gone: Promise<void>
let arrived: Promise<void>
let arrive: () => void
withFront(
  'a client that leaves takes its request back from the instance',
  (_incoming, response) => {
    gone = new Promise(resolve => response.once('close', () => resolve()))
    arrive()
  },
  async front => {
    for (const message of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf']) {
      arrived = new Promise(resolve => {
        arrive = resolve
      })
      const socket = await rawConnect(front.port)
      socket.write(message)
      await arrived
      socket.destroy()
      await gone
    }
    await eventually('nothing is in flight', () => front.board.activations.get('r1-op1')?.inFlight === 0)
  },
)

/** A server of the WebSocket handshake that echoes bytes, or says no. */
async function startEcho(name: string): Promise<Instance & { sockets: Socket[] }> {
  const instance = await startInstance((_request, response: ServerResponse) => response.end(name))
  const sockets: Socket[] = []
  instance.server.on('upgrade', (incoming, socket: Socket, head: Buffer) => {
    if (incoming.url === '/no') return void socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno')
    sockets.push(socket)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Name: ${name}\r\nX-Key: ${incoming.headers['sec-websocket-key']}\r\n\r\n`,
    )
    socket.write(head)
    socket.pipe(socket)
  })
  return { ...instance, sockets }
}

const HANDSHAKE = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n'

test('an upgraded connection carries bytes both ways, also over a switch, and is in flight until it ends', async () => {
  const front = await startFront()
  const [old, fresh] = [await startEcho('old'), await startEcho('fresh')]
  front.serve(old.backend)
  const socket = await rawConnect(front.port)
  socket.write(`${HANDSHAKE}early`)
  const got = await readUntil(socket, text => text.endsWith('early'))
  assert.match(got, /^HTTP\/1\.1 101 Switching Protocols\r\n/)
  assert.match(got, /connection: upgrade\r\nupgrade: websocket\r\n/i)
  assert.match(got, /x-key: abc/i)
  front.serve(fresh.backend)
  socket.write('after the switch')
  await readUntil(socket, text => text === 'after the switch')
  assert.equal(front.board.activations.get('r1-op1')?.inFlight, 1)
  assert.equal((await ask(front.address)).text, 'fresh')
  socket.end()
  await eventually('the tunnel is gone', () => front.board.activations.get('r1-op1')?.inFlight === 0)
  for (const instance of [old, fresh]) await instance.stop()
  await front.stop()
})

test('an instance that ends an upgraded connection ends it for the client', async () => {
  const front = await startFront()
  const echo = await startEcho('echo')
  front.serve(echo.backend)
  const socket = await rawConnect(front.port)
  socket.write(HANDSHAKE)
  await readUntil(socket, text => text.includes('\r\n\r\n'))
  const ended = new Promise(resolve => socket.once('close', resolve))
  echo.sockets[0]?.destroy()
  await ended
  await echo.stop()
  await front.stop()
})

test('a refused upgrade brings the answer of the instance, and an offer of h2c is passed over', async () => {
  const front = await startFront()
  const echo = await startEcho('echo')
  front.serve(echo.backend)
  assert.match(await rawAsk(front.port, HANDSHAKE.replace('/chat', '/no')), /^HTTP\/1\.1 401 Unauthorized\r\n[\s\S]*no$/)
  assert.match(await rawAsk(front.port, HANDSHAKE.replace('websocket', 'h2c'), text => text.includes('echo')), /^HTTP\/1\.1 200 /)
  assert.match(await rawAsk(front.port, HANDSHAKE.replace('Host: a', 'Host: a\r\nHost: b')), /^HTTP\/1\.1 400 /)
  await echo.stop()
  await front.stop()
})

test('a hold closes upgraded connections when its drain time is over', async () => {
  const front = await startFront()
  const echo = await startEcho('echo')
  front.serve(echo.backend)
  const socket = await rawConnect(front.port)
  socket.write(HANDSHAKE)
  await readUntil(socket, text => text.includes('\r\n\r\n'))
  const ended = new Promise(resolve => socket.once('close', resolve))
  await front.board.hold('shop', 'production', 1_000).drain(10)
  await ended
  await echo.stop()
  await front.stop()
})

async function readText(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}
