/** What the front lets through of a message, and what it refuses. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type FrontUnderTest, startFront } from '../../../../../test/helpers/front.ts'
import { ask } from '../../../../../test/helpers/http.ts'
import { type Instance, named, startInstance } from '../../../../../test/helpers/instance.ts'
import { rawAsk } from '../../../../../test/helpers/raw.ts'

let front: FrontUnderTest
let echo: Instance
let served: string[]
before(async () => {
  served = []
  front = await startFront()
  const answer = named('echo')
  echo = await startInstance((request, response) => {
    served.push(`${request.method} ${request.url}`)
    if (request.url === '/304') response.writeHead(304, { etag: '"x"', 'content-length': '7' }).end()
    else if (request.url === '/204') response.writeHead(204).end()
    else if (request.url === '/cookies')
      response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Connection', 'x-secret', 'X-Secret', 'hop']).end()
    else if (request.url === '/trailers') {
      response.write('body')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    } else if (request.url === '/latin1') response.writeHead(200, { 'x-name': 'caf\xe9' }).end()
    else answer(request, response)
  })
  front.serve(echo.backend)
})
after(async () => {
  await front.stop()
  await echo.stop()
})

const headersSeen = async (headers: Record<string, string | string[]>): Promise<Record<string, string>> =>
  JSON.parse((await ask(front.address, { headers })).text).headers

test('headers of one hop end at the front, those that Connection names too', async () => {
  const seen = await headersSeen({
    connection: 'close, x-private',
    'x-private': '1',
    te: 'trailers',
    'keep-alive': 'timeout=9',
    'proxy-connection': 'x',
    'x-kept': '1',
  })
  assert.equal(seen['x-kept'], '1')
  assert.equal(seen.connection, 'keep-alive')
  for (const name of ['x-private', 'te', 'keep-alive', 'proxy-connection']) assert.equal(seen[name], undefined, name)
})

test('an unknown client can not say who it is: X-Forwarded-* are replaced and their like removed', async () => {
  const forged = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' }
  const seen = await headersSeen({ ...forged, forwarded: 'for=6.6.6.6', 'x-real-ip': '6.6.6.6', proxy: 'http://evil.example' })
  assert.equal(seen['x-forwarded-for'], '127.0.0.1')
  assert.equal(seen['x-forwarded-proto'], 'http')
  assert.equal(seen['x-forwarded-host'], 'app.example')
  for (const name of ['forwarded', 'x-real-ip', 'proxy']) assert.equal(seen[name], undefined, name)
})

test('a trusted proxy in front is believed, and its address is appended; the host is the one that was asked for, whatever is said of it', async () => {
  const trusting = await startFront({ trusted: true })
  trusting.serve(echo.backend)
  const headers = { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' }
  const seen = JSON.parse((await ask(trusting.address, { headers })).text).headers
  assert.deepEqual(
    [seen['x-forwarded-for'], seen['x-forwarded-proto'], seen['x-forwarded-host']],
    ['10.0.0.1, 127.0.0.1', 'https', 'app.example'],
  )
  await trusting.stop()
})

test('Host is kept, and HEAD, 204 and 304 have no body and keep their headers', async () => {
  assert.equal((await headersSeen({})).host, 'app.example')
  const head = await ask(front.address, { method: 'HEAD', path: '/x' })
  assert.deepEqual([head.status, head.text], [200, ''])
  const notModified = await ask(front.address, { path: '/304' })
  assert.deepEqual([notModified.status, notModified.headers.etag, notModified.text], [304, '"x"', ''])
  assert.equal((await ask(front.address, { path: '/204' })).status, 204)
})

test('every Set-Cookie comes through, what the instance marks as hop by hop does not', async () => {
  const { headers } = await ask(front.address, { path: '/cookies' })
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
  assert.equal(headers['x-secret'], undefined)
})

test('bytes beyond ASCII in a header come through unchanged', async () => {
  assert.equal((await ask(front.address, { path: '/latin1' })).headers['x-name'], 'caf\xe9')
  assert.equal((await headersSeen({ 'x-name': 'caf\xe9' }))['x-name'], 'caf\xe9')
})

test('trailers of an answer come through', async () => {
  const got = await rawAsk(front.port, 'GET /trailers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assert.match(got, /4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n$/)
})

test('a request line with a whole address is served by that address, unless Host says another', async () => {
  assert.match(await rawAsk(front.port, 'GET http://a/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /"url":"\/x\?y"/)
  assert.match(await rawAsk(front.port, 'GET http://b/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 400 /)
})

for (const [what, message] of [
  [
    'both Content-Length and Transfer-Encoding',
    'POST /smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['two different Content-Lengths', 'POST /smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde'],
  [
    'a Transfer-Encoding that does not end in chunked',
    'POST /smuggled HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
  ],
  [
    'a length that ends at this hop, whose body would be taken for a request',
    'DELETE /smuggled HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 4\r\n\r\n',
  ],
  ['two Hosts', 'GET /smuggled HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['no Host', 'GET /smuggled HTTP/1.1\r\n\r\n'],
  ['a space before the colon of a header', 'POST /smuggled HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\nabcd'],
  ['a folded header line', 'GET /smuggled HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n'],
  ['a bare line feed in the header section', 'GET /smuggled HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n'],
  ['a chunk size that is not a number', 'POST /smuggled HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n'],
] as const) {
  test(`a request with ${what} is refused`, async () => {
    const got = await rawAsk(front.port, message, text => text.startsWith('HTTP/1.1 4') || text.startsWith('HTTP/1.1 2'))
    assert.match(got, /^HTTP\/1\.1 4\d\d /)
    assert.doesNotMatch(got, /HTTP\/1\.1 200/)
  })
}

test('a header section above the limit is refused', async () => {
  const got = await rawAsk(front.port, `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`, text => text.includes('\r\n'))
  assert.match(got, /^HTTP\/1\.1 431 /)
})

test('pipelined requests are answered in order', async () => {
  served = []
  const got = await rawAsk(front.port, 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assert.deepEqual(got.match(/"url":"[^"]+"/g), ['"url":"/1"', '"url":"/2"'])
})

test('an HTTP/1.0 client gets a whole answer and a closed connection', async () => {
  const got = await rawAsk(front.port, 'GET /old HTTP/1.0\r\nHost: a\r\n\r\n')
  assert.match(got, /^HTTP\/1\.1 200 /)
  assert.match(got, /"url":"\/old"/)
})

test('a body in a transfer coding that the front would not name to the instance is refused', async () => {
  served = []
  for (const [coding, status] of [
    ['gzip, chunked', 501],
    ['Chunked', 200],
  ] as const) {
    const message = `POST /coded HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ${coding}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
    const got = await rawAsk(front.port, message, text => text.includes('\r\n\r\n'))
    assert.match(got, new RegExp(`^HTTP/1\\.1 ${status} `))
  }
  assert.deepEqual(served, ['POST /coded'])
})
