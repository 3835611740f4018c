/**
 * A proxy within this process, for tests of the layers above: it listens and forwards for real, on connections that are never
 * used again, and forgets everything when it is closed.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FettleError } from '../../../core/errors.ts'
import { canonicalJson, type Json } from '../../../core/json.ts'
import { buildRouting, findRoute, isMoved } from '../../../core/routing.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Counters, Proxy as ProxyPort, RouteTable, TableRoute } from '../../../ports/proxy.ts'

interface Tally {
  inFlight: number
  requests: number
  errors: number
  latencies: number[]
  since: number
}

class MemoryProxy implements ProxyPort {
  readonly caps = { atomic: 'all-routes' } as const
  readonly #clock: Clock
  readonly #server: Server
  readonly #tables = new Map<string, RouteTable>()
  readonly #tallies = new Map<string, Tally>()
  readonly #holds = new Map<string, { maxWaitMs: number; opened: Promise<void>; open: () => void }>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#server = createServer((incoming, response) => void this.#serve(incoming, response))
  }

  async commit(table: RouteTable, expected: number): Promise<void> {
    const key = `${table.app}/${table.environment}`
    const present = this.#tables.get(key)
    const isServed = present !== undefined && canonicalJson(present as unknown as Json) === canonicalJson(table as unknown as Json)
    const isMove = expected === table.generation && isMoved(present, table)
    if (!isServed && !isMove && ((present?.generation ?? 0) !== expected || table.generation !== expected + 1)) {
      throw new FettleError('CONFLICT', `${key} is at generation ${present?.generation ?? 0}, not ${expected}`)
    }
    this.#tables.set(key, structuredClone(table))
    this.#tally(table.activation)
    if (!isMove) await this.release(table.app, table.environment)
  }

  async current(app: string, environment: string): Promise<RouteTable | undefined> {
    return structuredClone(this.#tables.get(`${app}/${environment}`))
  }

  async tables(): Promise<RouteTable[]> {
    return structuredClone([...this.#tables.values()])
  }

  async hold(
    app: string,
    environment: string,
    { drainMs, maxWaitMs }: { drainMs: number; maxWaitMs: number },
  ): Promise<{ inFlight: number }> {
    const key = `${app}/${environment}`
    if (!this.#holds.has(key)) {
      const { promise: opened, resolve: open } = Promise.withResolvers<void>()
      this.#holds.set(key, { maxWaitMs, opened, open })
    }
    const until = this.#clock.monotonic() + drainMs
    const activation = this.#tables.get(key)?.activation ?? ''
    while ((await this.inFlight(activation)) > 0 && this.#clock.monotonic() < until) await this.#clock.sleep(5)
    return { inFlight: await this.inFlight(activation) }
  }

  async release(app: string, environment: string): Promise<void> {
    this.#holds.get(`${app}/${environment}`)?.open()
    this.#holds.delete(`${app}/${environment}`)
  }

  async inFlight(activation: string): Promise<number> {
    return this.#tallies.get(activation)?.inFlight ?? 0
  }

  async counters(activation: string): Promise<Counters | 'unknown'> {
    const tally = this.#tallies.get(activation)
    if (tally === undefined) return 'unknown'
    const sorted = tally.latencies.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
    const { requests, errors, since } = tally
    return { activation, requests, errors, unanswered: 0, latency: { p50: at(0.5), p95: at(0.95), p99: at(0.99) }, since }
  }

  async address(): Promise<string> {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async open(): Promise<void> {
    if (!this.#server.listening) await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', () => resolve()))
  }

  async close(): Promise<void> {}

  async shutdown(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #tally(activation: string): Tally {
    const tally = this.#tallies.get(activation) ?? { inFlight: 0, requests: 0, errors: 0, latencies: [], since: this.#clock.now() }
    this.#tallies.set(activation, tally)
    return tally
  }

  #find(incoming: IncomingMessage): { table: RouteTable; route: TableRoute } | undefined {
    const entries = [...this.#tables.values()].flatMap(table => table.routes.map(route => ({ ...route, value: { table, route } })))
    return findRoute(buildRouting(entries), incoming.headers.host ?? '', incoming.url ?? '/')
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = this.#find(incoming)
    if (found === undefined) return void response.writeHead(404).end('404 Nothing is served at this address.\n')
    const hold = this.#holds.get(`${found.table.app}/${found.table.environment}`)
    if (hold !== undefined) {
      await Promise.race([hold.opened, this.#clock.sleep(hold.maxWaitMs)])
      if (this.#holds.has(`${found.table.app}/${found.table.environment}`)) {
        return void response.writeHead(503, { 'retry-after': '5' }).end('503 The application is being worked on.\n')
      }
      return this.#serve(incoming, response)
    }
    const [backend] = found.route.backends
    if (backend === undefined) return void response.writeHead(503).end('503 The application is down.\n')
    this.#forward(this.#tally(found.table.activation), backend, incoming, response)
  }

  #forward(tally: Tally, backend: TableRoute['backends'][number], incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = incoming
    const begun = this.#clock.monotonic()
    const to = backend.kind === 'tcp' ? { host: backend.host, port: backend.port } : { socketPath: backend.path }
    const record = (status: number) => {
      tally.requests += 1
      if (status >= 500) tally.errors += 1
      tally.latencies.push(this.#clock.monotonic() - begun)
    }
    tally.inFlight += 1
    const outgoing = request({ ...to, method, path: url, headers: { ...headers, connection: 'close' }, agent: false }, answer => {
      record(answer.statusCode ?? 502)
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'close' })
      answer.pipe(response)
    })
    outgoing.once('error', () => {
      if (response.headersSent) return void response.destroy()
      record(502)
      response.writeHead(502).end('502 The application did not answer.\n')
    })
    outgoing.once('close', () => {
      tally.inFlight -= 1
    })
    incoming.pipe(outgoing)
  }
}

export const createMemoryProxy = (clock: Clock): ProxyPort => new MemoryProxy(clock)
