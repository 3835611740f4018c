import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SmokeTest } from '../core/spec/schema.ts'
import { runSmokeTest, type SmokeTarget } from './smoke.ts'

const smokeTest = (rest: object = {}) => SmokeTest.parse({ http: '/page', ...rest })

async function serve(context: TestContext, answer: RequestListener, path?: string): Promise<SmokeTarget['backend']> {
  const server: Server = createServer(answer)
  await new Promise<void>(resolve => {
    if (path === undefined) server.listen(0, '127.0.0.1', resolve)
    else server.listen(path, resolve)
  })
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return path === undefined ? { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port } : { kind: 'unix', path }
}

test('[rm3-12] a page is asked for by path and host, and its end is looked at', async context => {
  const backend = await serve(context, (request, response) =>
    response.end(`<p>${request.method} ${request.url} ${request.headers.host}</p></html>`),
  )
  const asked = smokeTest({ contains: 'GET /page shop.example', 'near-end': { text: '</html>', within: 10 } })
  const result = await runSmokeTest(asked, { backend, host: 'shop.example' })
  assert.deepEqual([result.passed, result.name, result.status, result.why], [true, 'GET /page', 200, 'status 200, 36 B'])
  assert.ok(result.ms > 0)
})

test('a backend may be a unix socket, an address a URL', async context => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-smoke-'))
  context.after(() => rm(folder, { recursive: true }))
  const socket = await serve(context, (_, response) => response.end('by socket'), join(folder, 's'))
  const port = await serve(context, (_, response) => response.end('by port'))
  assert.equal((await runSmokeTest(smokeTest({ contains: 'by socket' }), { backend: socket })).passed, true)
  const url = port.kind === 'tcp' ? `http://${port.host}:${port.port}` : ''
  assert.equal((await runSmokeTest(smokeTest({ contains: 'by port' }), { backend: { kind: 'url', url } })).passed, true)
})

test('[rm3-12] a page that breaks off fails, with and without an announced length', async context => {
  const backend = await serve(context, (request, response) => {
    if (request.url === '/length') response.writeHead(200, { 'content-length': 100 })
    response.write('half a page', () => response.destroy())
  })
  const announced = await runSmokeTest(smokeTest({ http: '/length' }), { backend })
  assert.deepEqual([announced.passed, announced.why, announced.status], [false, 'the answer broke off after 11 of 100 bytes', 200])
  const chunked = await runSmokeTest(smokeTest(), { backend })
  assert.deepEqual([chunked.passed, chunked.why], [false, 'the answer broke off after 11 bytes'])
})

test('a redirect is an answer and is not followed', async context => {
  const backend = await serve(context, (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end())
  assert.equal((await runSmokeTest(smokeTest(), { backend })).why, 'status 302 instead of 200')
})

test('HEAD and POST are asked as such', async context => {
  const backend = await serve(context, (request, response) =>
    response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-length': 0 }).end(),
  )
  assert.equal((await runSmokeTest(smokeTest({ method: 'POST', status: 201 }), { backend })).passed, true)
  assert.equal((await runSmokeTest(smokeTest({ method: 'HEAD' }), { backend })).passed, true)
})

test('nobody who listens, and nobody who answers in time, are failures with a reason', async context => {
  const nobody = await runSmokeTest(smokeTest(), { backend: { kind: 'tcp', host: '127.0.0.1', port: 1 } })
  assert.deepEqual([nobody.passed, nobody.status], [false, undefined])
  assert.match(nobody.why, /^no answer: connect ECONNREFUSED 127\.0\.0\.1:1$/)
  const silent = await serve(context, () => undefined)
  assert.equal((await runSmokeTest(smokeTest({ within: '50ms' }), { backend: silent })).why, 'no whole answer within 50 ms')
})

test('an answer without end is given up', async context => {
  const backend = await serve(context, (_, response) => {
    const more = () => response.write(Buffer.alloc(1024 ** 2), more)
    more()
  })
  assert.equal((await runSmokeTest(smokeTest(), { backend })).why, 'no answer: the answer is larger than 32 MiB')
})

test('the caller’s signal cancels', async context => {
  const stop = new AbortController()
  const backend = await serve(context, () => stop.abort())
  await assert.rejects(runSmokeTest(smokeTest(), { backend }, stop.signal), { code: 'CANCELLED' })
})
