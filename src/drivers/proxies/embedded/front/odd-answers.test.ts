/** Answers that no library would give, and those that never come. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startFront } from '../../../../../test/helpers/front.ts'
import { rawAsk } from '../../../../../test/helpers/raw.ts'

/** A front before a server that says these bytes to each request. */
async function fronted(context: TestContext, answer: string | undefined) {
  const server = createServer(socket => {
    socket.on('error', () => {})
    // One without an end is kept open.
    socket.once('data', () => answer !== undefined && (answer.includes('chunked') ? socket.write(answer) : socket.end(answer, 'utf8')))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const front = await startFront()
  context.after(async () => {
    await front.stop()
    server.close()
  })
  front.serve({ kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  return front
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

test('a reason phrase in letters of any encoding does not hold an answer up', async context => {
  const { port } = await fronted(context, 'HTTP/1.1 404 Не найдено\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone')
  assert.match(await rawAsk(port, GET), /^HTTP\/1\.1 404 Not Found\r\n[\s\S]*\r\n\r\nnone$/)
})

test('a header in letters beyond ASCII comes through, byte by byte', async context => {
  const name = 'attachment; filename="файл.txt"'
  const head = `HTTP/1.1 200 OK\r\nContent-Disposition: ${name}\r\nX-Other: ж\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`
  const { port } = await fronted(context, `${head}text`)
  const got = Buffer.from(await rawAsk(port, GET), 'latin1').toString()
  assert.ok(got.includes(name), got)
  assert.match(got, /x-other: ж\r\n/i)
})

test('a client that waited in vain is counted, one that left at once is not', { timeout: 20_000 }, async context => {
  const front = await fronted(context, undefined)
  const counters = () => front.board.activations.get('r1-op1')?.counters()
  for (const waitMs of [0, 1100]) {
    const client = new AbortController()
    const asked = fetch(front.address, { signal: client.signal }).catch(() => undefined)
    await delay(waitMs) // what is counted is how long somebody waited
    client.abort()
    await asked
  }
  while (counters()?.unanswered !== 1) await delay(10)
  const seen = counters()
  assert.deepEqual([seen?.requests, seen?.errors], [1, 0])
  assert.ok((seen?.latency.p50 ?? 0) >= 1000)
})

test('an answer that begins and never ends is counted as given up, an event stream is not', { timeout: 20_000 }, async context => {
  for (const [type, unanswered] of [
    ['text/plain', 1],
    ['text/event-stream', 0],
  ] as const) {
    const front = await fronted(context, `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`)
    const client = new AbortController()
    const { body } = await fetch(front.address, { signal: client.signal })
    await delay(1100) // what is counted is how long somebody waited
    client.abort()
    await body?.cancel().catch(() => undefined)
    const activation = front.board.activations.get('r1-op1')
    while (activation?.inFlight !== 0) await delay(10)
    assert.deepEqual([activation.requests, activation.unanswered], [1, unanswered], type)
  }
})
