/** What every proxy must do. `create` gives one that is open, with nothing committed. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { FettleError } from '../../src/core/errors.ts'
import type { Proxy as ProxyPort, RouteTable } from '../../src/ports/proxy.ts'
import type { Backend } from '../../src/ports/runtime.ts'
import { ask } from '../helpers/http.ts'
import { type Instance, named, startInstance } from '../helpers/instance.ts'

export interface ProxyUnderTest {
  proxy: ProxyPort
  stop(): Promise<void>
}

export function tableOf(generation: number, backends: Backend[], changes: Partial<RouteTable> = {}): RouteTable {
  return {
    format: 1,
    app: 'shop',
    environment: 'production',
    generation,
    release: `r${generation}`,
    activation: `r${generation}-op${generation}`,
    stores: { data: `/data/${generation}` },
    groups: { web: `shop.production.web.r${generation}` },
    routes: [{ host: 'app.example', path: '/', service: 'web', backends }],
    ...changes,
  }
}

const nameIn = (text: string): string => JSON.parse(text).name

export function proxyConformance(kind: string, create: () => Promise<ProxyUnderTest>): void {
  describe(`the ${kind} proxy`, () => {
    let old: Instance
    let fresh: Instance
    before(async () => {
      old = await startInstance(named('old'))
      fresh = await startInstance(named('fresh'))
    })
    after(async () => {
      await old.stop()
      await fresh.stop()
    })

    const withProxy = (title: string, body: (proxy: ProxyPort, address: string) => Promise<void>) =>
      test(title, async () => {
        const { proxy, stop } = await create()
        try {
          await body(proxy, await proxy.address())
        } finally {
          await stop()
        }
      })

    withProxy('answers 404 for a host that no table names', async (proxy, address) => {
      assert.equal((await ask(address)).status, 404)
      await proxy.commit(tableOf(1, [old.backend]), 0)
      assert.equal((await ask(address, { host: 'other.example' })).status, 404)
    })

    withProxy('brings a request with its body to the backend, and the answer back', async (proxy, address) => {
      await proxy.commit(tableOf(1, [old.backend]), 0)
      const { status, text, headers } = await ask(address, { method: 'POST', path: '/a?b=c', body: 'hello', headers: { 'x-mine': '1' } })
      assert.equal(status, 200)
      assert.equal(headers['x-instance'], 'old')
      const seen = JSON.parse(text)
      assert.deepEqual(
        [seen.method, seen.url, seen.body, seen.headers.host, seen.headers['x-mine']],
        ['POST', '/a?b=c', 'hello', 'app.example', '1'],
      )
    })

    withProxy('takes the longest path prefix on a segment boundary', async (proxy, address) => {
      const routes = [
        { host: 'app.example', path: '/', service: 'web', backends: [old.backend] },
        { host: 'app.example', path: '/api', service: 'api', backends: [fresh.backend] },
      ]
      await proxy.commit(tableOf(1, [], { routes }), 0)
      const asked = await Promise.all(['/', '/api', '/api/x', '/apix'].map(path => ask(address, { path })))
      assert.deepEqual(
        asked.map(reply => nameIn(reply.text)),
        ['old', 'fresh', 'fresh', 'old'],
      )
    })

    withProxy('answers 503 while the environment has no backends', async (proxy, address) => {
      await proxy.commit(tableOf(1, []), 0)
      assert.equal((await ask(address)).status, 503)
    })

    withProxy('answers 502 when the backend answers garbage', async (proxy, address) => {
      const { createServer } = await import('node:net')
      const garbage = createServer(socket => void socket.on('error', () => {}).end('this is not HTTP\r\n\r\n'))
      await new Promise<void>(resolve => garbage.listen(0, '127.0.0.1', resolve))
      const { port } = garbage.address() as import('node:net').AddressInfo
      await proxy.commit(tableOf(1, [{ kind: 'tcp', host: '127.0.0.1', port }]), 0)
      assert.equal((await ask(address)).status, 502)
      garbage.close()
    })

    withProxy('follows instances that moved, in the same generation; a hold stays, and nothing else may differ', async (proxy, address) => {
      const [before, moved] = [tableOf(1, [old.backend]), tableOf(1, [fresh.backend])]
      await proxy.commit(before, 0)
      await proxy.commit(moved, 1)
      assert.equal(nameIn((await ask(address)).text), 'fresh')
      assert.deepEqual(await proxy.current('shop', 'production'), moved)
      await proxy.hold('shop', 'production', { drainMs: 0, maxWaitMs: 1 })
      await proxy.commit(before, 1)
      assert.equal((await ask(address)).status, 503)
      await proxy.release('shop', 'production')
      assert.equal(nameIn((await ask(address)).text), 'old')
      const refused = (error: unknown) => error instanceof FettleError && error.code === 'CONFLICT'
      await assert.rejects(proxy.commit({ ...moved, release: 'r9' }, 1), refused)
      await assert.rejects(proxy.commit({ ...moved, generation: 2 }, 2), refused)
    })

    withProxy('serves the new table once commit has resolved, all routes at once', async (proxy, address) => {
      const routes = (backend: Backend) => ['/', '/api'].map(path => ({ host: 'app.example', path, service: 'web', backends: [backend] }))
      await proxy.commit(tableOf(1, [], { routes: routes(old.backend) }), 0)
      assert.equal(nameIn((await ask(address)).text), 'old')
      await proxy.commit(tableOf(2, [], { routes: routes(fresh.backend) }), 1)
      const asked = await Promise.all(['/', '/api'].map(path => ask(address, { path })))
      assert.deepEqual(
        asked.map(reply => nameIn(reply.text)),
        ['fresh', 'fresh'],
      )
      assert.deepEqual(await proxy.current('shop', 'production'), tableOf(2, [], { routes: routes(fresh.backend) }))
    })

    withProxy('refuses a commit over another generation than the expected, and serves on', async (proxy, address) => {
      await proxy.commit(tableOf(1, [old.backend]), 0)
      const conflict = (error: unknown) => error instanceof FettleError && error.code === 'CONFLICT'
      await assert.rejects(proxy.commit(tableOf(1, [fresh.backend]), 0), conflict)
      await assert.rejects(proxy.commit(tableOf(3, [fresh.backend]), 2), conflict)
      await assert.rejects(proxy.commit(tableOf(3, [fresh.backend]), 1), conflict)
      assert.equal(nameIn((await ask(address)).text), 'old')
      assert.equal((await proxy.current('shop', 'production'))?.generation, 1)
    })

    withProxy('takes a commit of what is served already as done', async (proxy, address) => {
      await proxy.commit(tableOf(1, [old.backend]), 0)
      await proxy.commit(tableOf(1, [old.backend]), 0)
      assert.equal(nameIn((await ask(address)).text), 'old')
    })

    withProxy('lists tables of all environments, and knows nothing of one that never was', async proxy => {
      const staging = tableOf(1, [old.backend], {
        environment: 'staging',
        routes: [{ host: 'staging.example', path: '/', service: 'web', backends: [old.backend] }],
      })
      await proxy.commit(tableOf(1, [old.backend]), 0)
      await proxy.commit(staging, 0)
      assert.deepEqual((await proxy.tables()).map(table => table.environment).sort(), ['production', 'staging'])
      assert.deepEqual(await proxy.current('shop', 'staging'), staging)
      assert.equal(await proxy.current('shop', 'nowhere'), undefined)
    })

    withProxy(
      'lets new requests wait while held, those of other environments pass, and a release lets them go on',
      async (proxy, address) => {
        let seen = 0
        const counting = await startInstance((_request, response) => {
          seen += 1
          response.end()
        })
        const routes = [{ host: 'other.example', path: '/', service: 'web', backends: [fresh.backend] }]
        await proxy.commit(tableOf(1, [counting.backend]), 0)
        await proxy.commit(tableOf(1, [], { app: 'other', activation: 'other', routes }), 0)
        assert.deepEqual(await proxy.hold('shop', 'production', { drainMs: 1_000, maxWaitMs: 30_000 }), { inFlight: 0 })
        const waiting = [ask(address), ask(address, { method: 'POST', body: 'kept' })]
        for (let i = 0; i < 20; i++) assert.equal((await ask(address, { host: 'other.example' })).status, 200)
        assert.equal(seen, 0)
        await proxy.hold('shop', 'production', { drainMs: 1_000, maxWaitMs: 30_000 })
        await proxy.release('shop', 'production')
        assert.deepEqual(
          (await Promise.all(waiting)).map(reply => reply.status),
          [200, 200],
        )
        await counting.stop()
      },
    )

    withProxy('brings requests that waited in a hold to the table whose commit ends it', async (proxy, address) => {
      await proxy.commit(tableOf(1, [old.backend]), 0)
      await proxy.hold('shop', 'production', { drainMs: 1_000, maxWaitMs: 30_000 })
      const waiting = Promise.all([1, 2, 3].map(() => ask(address)))
      await proxy.commit(tableOf(2, [fresh.backend]), 1)
      assert.deepEqual(
        (await waiting).map(reply => nameIn(reply.text)),
        ['fresh', 'fresh', 'fresh'],
      )
    })

    withProxy('answers 503 with Retry-After to a request that waited in a hold for too long', async (proxy, address) => {
      await proxy.commit(tableOf(1, [old.backend]), 0)
      await proxy.hold('shop', 'production', { drainMs: 0, maxWaitMs: 30 })
      const { status, headers } = await ask(address)
      assert.equal(status, 503)
      assert.match(headers['retry-after'] ?? '', /^\d+$/)
    })

    withProxy('says how many are still in flight when the drain time is over, and finishes them', async (proxy, address) => {
      const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
      const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
      const slow = await startInstance((_request, response) => {
        arrive()
        void finished.then(() => response.end('late'))
      })
      await proxy.commit(tableOf(1, [slow.backend]), 0)
      const reply = ask(address)
      await arrived
      assert.equal(await proxy.inFlight('r1-op1'), 1)
      assert.deepEqual(await proxy.hold('shop', 'production', { drainMs: 10, maxWaitMs: 1_000 }), { inFlight: 1 })
      const drained = proxy.hold('shop', 'production', { drainMs: 30_000, maxWaitMs: 1_000 })
      finish()
      assert.equal((await reply).text, 'late')
      assert.deepEqual(await drained, { inFlight: 0 })
      assert.equal(await proxy.inFlight('r1-op1'), 0)
      await slow.stop()
    })

    withProxy('counts requests and errors by activation', async (proxy, address) => {
      const failing = await startInstance((_request, response) => response.writeHead(500).end())
      await proxy.commit(tableOf(1, [old.backend]), 0)
      for (let i = 0; i < 3; i++) await ask(address)
      await proxy.commit(tableOf(2, [failing.backend]), 1)
      await ask(address)
      const [first, second] = [await proxy.counters('r1-op1'), await proxy.counters('r2-op2')]
      assert.ok(first !== 'unknown' && second !== 'unknown')
      assert.deepEqual([first.requests, first.errors, second.requests, second.errors], [3, 0, 1, 1])
      assert.ok(first.latency.p50 > 0 && first.latency.p99 >= first.latency.p50)
      assert.equal(await proxy.counters('never'), 'unknown')
      await failing.stop()
    })

    withProxy('loses no request of clients that keep their connections, over ten switches', async (proxy, address) => {
      const { Agent } = await import('node:http')
      const agent = new Agent({ keepAlive: true, maxSockets: 8 })
      await proxy.commit(tableOf(1, [old.backend]), 0)
      let isOver = false
      const statuses = new Map<number, number>()
      const client = async (method: string) => {
        while (!isOver) {
          const { status } = await ask(address, { agent, method, ...(method === 'POST' ? { body: 'x' } : {}) })
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        }
      }
      const clients = ['GET', 'GET', 'GET', 'POST', 'POST', 'POST'].map(client)
      for (let generation = 2; generation <= 11; generation++) {
        await proxy.commit(tableOf(generation, [generation % 2 === 0 ? fresh.backend : old.backend]), generation - 1)
        for (let i = 0; i < 3; i++) assert.equal(nameIn((await ask(address)).text), generation % 2 === 0 ? 'fresh' : 'old')
      }
      isOver = true
      await Promise.all(clients)
      agent.destroy()
      assert.deepEqual([...statuses.keys()], [200])
    })
  })
}
