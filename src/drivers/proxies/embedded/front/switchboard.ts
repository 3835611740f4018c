/**
 * What is served now. A commit builds the destinations of one environment and replaces one reference: a request that arrives
 * after it can not find the old ones, one that is on its way keeps what it took.
 */
import { buildRouting, findRoute, type RouteEntry, type Routing } from '../../../../core/routing.ts'
import type { Clock } from '../../../../ports/clock.ts'
import type { RouteTable } from '../../../../ports/proxy.ts'
import type { Backend } from '../../../../ports/runtime.ts'
import { type Activation, Activations } from './counters.ts'
import { backendKey, Upstream } from './upstream.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface Destination {
  environment: Environment
  activation: Activation
  upstreams: Upstream[]
  /** Where the next round begins. */
  turn: number
}

export class Environment {
  readonly room = new WaitingRoom()
  /** Set while new requests wait. */
  hold: { maxWaitMs: number } | undefined
  /** Upgraded connections: they end when the other side likes, or when a hold has no more patience. */
  readonly tunnels = new Set<() => void>()
  #inFlight = 0
  readonly #whenIdle = new Set<() => void>()

  get inFlight(): number {
    return this.#inFlight
  }

  began(activation: Activation, upstream: Upstream): void {
    this.#inFlight += 1
    activation.inFlight += 1
    upstream.inFlight += 1
  }

  ended(activation: Activation, upstream: Upstream): void {
    this.#inFlight -= 1
    activation.inFlight -= 1
    upstream.inFlight -= 1
    if (this.#inFlight > 0) return
    for (const resolve of this.#whenIdle) resolve()
  }

  /** Waits until nothing is in flight, at most so long, then closes tunnels. @returns what is in flight still */
  async drain(ms: number): Promise<number> {
    if (this.#inFlight > 0) {
      await new Promise<void>(resolve => {
        const end = () => {
          clearTimeout(timer)
          this.#whenIdle.delete(end)
          resolve()
        }
        const timer = setTimeout(end, ms)
        this.#whenIdle.add(end)
      })
    }
    for (const close of this.tunnels) close()
    return this.#inFlight
  }
}

export class Switchboard {
  readonly activations = new Activations()
  readonly #clock: Clock
  readonly #environments = new Map<string, Environment>()
  readonly #upstreams = new Map<string, Upstream>()
  readonly #served = new Map<string, RouteTable>()
  readonly #entries = new Map<string, RouteEntry<Destination>[]>()
  #routing: Routing<Destination> = buildRouting<Destination>([])

  constructor(clock: Clock) {
    this.#clock = clock
  }

  find(host: string, target: string): Destination | undefined {
    return findRoute(this.#routing, host, target)
  }

  environment(app: string, environment: string): Environment {
    const key = keyOf({ app, environment })
    const found = this.#environments.get(key) ?? new Environment()
    this.#environments.set(key, found)
    return found
  }

  /** What is on disk, wholly: a process that drains beside its successor learns of commits and holds that way. */
  follow(tables: readonly RouteTable[], holds: ReadonlyMap<string, { maxWaitMs: number }>): void {
    for (const table of tables) if (this.#served.get(keyOf(table)) !== table) this.serve(table)
    for (const [key, environment] of this.#environments) {
      environment.hold = holds.get(key)
      if (environment.hold === undefined) environment.room.wakeAll()
    }
  }

  /** Serves the table from now on. A hold stays. */
  serve(table: RouteTable): void {
    const environment = this.environment(table.app, table.environment)
    const activation = this.activations.begin(table.activation, this.#clock.now())
    const entries = table.routes.map(({ host, path, backends }) => {
      const upstreams = backends.map(backend => this.#upstream(backend))
      return { host, path, value: { environment, activation, upstreams, turn: 0 } }
    })
    this.#served.set(keyOf(table), table)
    this.#entries.set(keyOf(table), entries)
    this.#routing = buildRouting([...this.#entries.values()].flat())
    this.#retireUnused()
    environment.room.wakeAll()
  }

  hold(app: string, environment: string, maxWaitMs: number): Environment {
    const held = this.environment(app, environment)
    held.hold = { maxWaitMs }
    return held
  }

  release(app: string, environment: string): void {
    const held = this.environment(app, environment)
    held.hold = undefined
    held.room.wakeAll()
  }

  closeTunnels(): void {
    for (const { tunnels } of this.#environments.values()) for (const close of tunnels) close()
  }

  /** A backend that stays keeps its connections over a commit. */
  #upstream(backend: Backend): Upstream {
    const key = backendKey(backend)
    const upstream = this.#upstreams.get(key) ?? new Upstream(backend, this.#clock)
    this.#upstreams.set(key, upstream)
    return upstream
  }

  #retireUnused(): void {
    const used = new Set([...this.#entries.values()].flat().flatMap(entry => entry.value.upstreams))
    for (const [key, upstream] of this.#upstreams) {
      if (used.has(upstream)) continue
      upstream.retire()
      this.#upstreams.delete(key)
    }
  }
}

const keyOf = ({ app, environment }: { app: string; environment: string }): string => `${app}/${environment}`

/** The backend with the fewest requests in flight; among equals in turn. Undefined when all refuse. */
export function chooseUpstream(destination: Destination): Upstream | undefined {
  const { upstreams } = destination
  const count = upstreams.length
  let best: Upstream | undefined
  for (let i = 0; i < count; i++) {
    const upstream = upstreams[(destination.turn + i) % count] as Upstream
    if (!upstream.isDown && (best === undefined || upstream.inFlight < best.inFlight)) best = upstream
  }
  destination.turn = (destination.turn + 1) % count
  return best
}
