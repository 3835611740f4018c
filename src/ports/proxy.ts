/**
 * What takes requests from outside and brings them to instances. A proxy is a process of its own: it serves on while the agent
 * is dead, from the last table that was committed.
 */
import type { Backend } from './runtime.ts'

/** One environment's public face at one generation: what is served, and what it is made of. Written in one atomic step. */
export interface RouteTable {
  format: 1
  app: string
  environment: string
  /** Grows by one with every commit; 0 = never served. */
  generation: number
  /** The release that serves, '' when the environment is down. */
  release: string
  /** Name of the activation: distinguishes two runs of one release (`r3-op12`). Counters are kept under it, so it is unique on the host. */
  activation: string
  /** Store → folder of live data that this generation's services use; the truth for rollback and restore. */
  stores: Record<string, string>
  /** Service → group that serves it. */
  groups: Record<string, string>
  routes: TableRoute[]
}

export interface TableRoute {
  /** Lower case; `*` for any. */
  host: string
  /** Prefix, on a segment boundary: /api takes /api and /api/x, not /apix. */
  path: string
  service: string
  backends: Backend[]
}

/** Totals since the activation was first served; they survive a restart of the proxy as far as `since` says. */
export interface Counters {
  activation: string
  requests: number
  /** Answers of status 500 and above, answers broken off, and requests no backend answered. */
  errors: number
  /** Requests whose client waited for a second or longer and left before the end of the answer, event streams aside; no errors. */
  unanswered: number
  /** Milliseconds to the head of the answer, or till the client gave up; waiting in a hold is left out, for an instance to restart is not. */
  latency: { p50: number; p95: number; p99: number }
  /** Wall clock, ms: counting began here. A crash of the proxy may lose the last two seconds before it. */
  since: number
}

export interface Proxy {
  readonly caps: { atomic: 'all-routes' | 'per-route' | 'eventual' }

  /**
   * Puts the table in place of the one with generation `expected`, in one atomic step over all routes of the environment,
   * durable before it is served. No request is dropped; requests that arrive after it resolves get the new backends only. Releases a hold.
   * A table of generation `expected` itself, that differs from the present one in nothing but backends, tells where instances moved to: it is
   * served in its place, and a hold stays.
   * @throws FettleError CONFLICT when the present generation is not `expected`; REFUSED when another environment serves one of
   * the routes; DAMAGED when what is served can not be read back. Idempotent: committing what is served already is fine.
   */
  commit(table: RouteTable, expected: number): Promise<void>

  /** The table served now; undefined when none ever was. */
  current(app: string, environment: string): Promise<RouteTable | undefined>
  tables(): Promise<RouteTable[]>

  /**
   * New requests to the environment wait (not refused), those in flight finish. Resolves with the number still in flight when all
   * ended or after `drainMs`; upgraded connections are closed then. Requests that wait longer than `maxWaitMs` get 503 with
   * Retry-After. Lasts until `release` or `commit`, also when the caller or the proxy dies. Idempotent.
   */
  hold(app: string, environment: string, options: { drainMs: number; maxWaitMs: number }): Promise<{ inFlight: number }>
  release(app: string, environment: string): Promise<void>

  /** Requests in flight to backends of an activation, upgraded connections included. */
  inFlight(activation: string): Promise<number>
  counters(activation: string): Promise<Counters | 'unknown'>

  /** Where it listens, e.g. http://127.0.0.1:8080. */
  address(): Promise<string>
  /** Starts it when it does not run, adopts it when it does. */
  open(): Promise<void>
  /** Lets go of it; it serves on. */
  close(): Promise<void>
  /** Ends the process itself. */
  shutdown(): Promise<void>
}
