/**
 * One backend as the front sees it: its connections, how many requests are on them, whether it answers. Each connection is an
 * undici client of its own without a queue, so that the age of a connection can be chosen and no request ever waits behind
 * another for an instance that a commit has just replaced.
 */
import { connect, type Socket } from 'node:net'
import Client from 'undici/lib/dispatcher/client.js'
import type { Clock } from '../../../../ports/clock.ts'
import type { Backend } from '../../../../ports/runtime.ts'
import { IdleKnowledge, LONGEST_IDLE_MS, SCOUT_MS } from './idle.ts'
import { Supervised } from './supervised.ts'

/** A SYN may be dropped by a full backlog; the next comes after 1 s. */
const CONNECT_MS = 3_000
const KNOCK_MS = 3
const SLOWEST_KNOCK_MS = 1_000

/** The request was not sent: it may be sent elsewhere whatever its method. */
export class Unsent extends Error {}

export interface Connection {
  client: Client
  socket: Socket
  /** Monotonic ms: the end of its last answer, or its opening. */
  usedAt: number
  state: 'idle' | 'busy' | 'scout' | 'closed'
  wasUsed: boolean
}

/** Two instances, one after the other, may be given one port. */
export const backendKey = (backend: Backend): string =>
  backend.kind === 'tcp' ? `${backend.host}:${backend.port} ${backend.unit ?? ''}` : backend.path

export class Upstream {
  readonly backend: Backend
  /** Requests on their way, upgraded connections included. */
  inFlight = 0
  /** Refused the last connection; it is knocked at until it opens. */
  isDown = false
  readonly #clock: Clock
  readonly #idle: Connection[] = []
  readonly #knowledge = new IdleKnowledge()
  readonly #supervised: Supervised
  #scout: Connection | undefined
  #isRetired = false
  #sweeper: NodeJS.Timeout | undefined
  #knocker: NodeJS.Timeout | undefined
  #knockMs = KNOCK_MS
  readonly #rooms = new Set<Room>()

  constructor(backend: Backend, clock: Clock) {
    this.backend = backend
    this.#supervised = new Supervised(backend)
    this.#clock = clock
  }

  /** The connection used last, if it is young enough. @param anyAge the request may be sent again when the connection turns out closed */
  take(anyAge: boolean): Connection | undefined {
    const now = this.#clock.monotonic()
    const connection = this.#idle.at(-1)
    if (connection === undefined) return undefined
    if (now - connection.usedAt > (anyAge ? LONGEST_IDLE_MS : this.#knowledge.safeMs(now))) return undefined
    this.#idle.pop()
    if (connection.socket.destroyed) return this.take(anyAge)
    connection.state = 'busy'
    return connection
  }

  /** Opens a connection. Calls back once, with nothing when nobody answers there, or a stranger. */
  open(done: (connection: Connection | undefined) => void): void {
    const run = this.#supervised.run()
    if (run === undefined) {
      process.nextTick(done)
      return
    }
    const socket = this.backend.kind === 'tcp' ? connect(this.backend.port, this.backend.host) : connect(this.backend.path)
    socket.setNoDelay(true)
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error('timed out')))
    const fail = () => done(undefined)
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      socket.setTimeout(0)
      if (this.#supervised.isItself(run)) {
        done(this.#adopt(socket))
        return
      }
      socket.destroy()
      done(undefined)
    })
  }

  #adopt(socket: Socket): Connection {
    let given = false
    const client = new Client('http://upstream', {
      connect: (_options, callback) => {
        const isFirst = !given
        given = true
        // undici overlooks an answer given at once.
        queueMicrotask(() => {
          if (isFirst && !socket.destroyed) callback(null, socket)
          else callback(new Unsent('the connection is closed'), null)
        })
      },
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 64 * 1024,
      // Idle times are kept here; undici's own must never be the shorter. It takes the threshold off what is announced and would
      // not use a connection again for which `timeout=0` is announced.
      keepAliveTimeout: 600_000,
      keepAliveTimeoutThreshold: -1_000,
    })
    const connection: Connection = { client, socket, usedAt: this.#clock.monotonic(), state: 'busy', wasUsed: false }
    socket.on('error', () => {}) // before undici listens; its end is what counts, below
    socket.once('close', () => this.#closed(connection))
    return connection
  }

  /** Back after a whole answer. @param announcedMs of the answer's Keep-Alive */
  give(connection: Connection, announcedMs: number | undefined): void {
    const now = this.#clock.monotonic()
    this.#knowledge.announced(announcedMs)
    connection.usedAt = now
    connection.wasUsed = true
    if (connection.socket.destroyed || connection.state === 'closed') return
    if (!this.#isRetired && this.#knowledge.startScouting(now)) {
      connection.state = 'scout'
      this.#scout = connection
      setTimeout(() => this.#close(connection), SCOUT_MS).unref()
    } else this.keep(connection)
  }

  /** For the next request; it was not used. */
  keep(connection: Connection): void {
    if (this.#isRetired) {
      this.#close(connection)
      return
    }
    connection.state = 'idle'
    this.#idle.push(connection)
    this.#sweeper ??= setInterval(() => this.#sweep(), LONGEST_IDLE_MS / 4).unref()
  }

  #sweep(): void {
    const now = this.#clock.monotonic()
    while (this.#idle[0] !== undefined && now - this.#idle[0].usedAt > LONGEST_IDLE_MS) {
      const oldest = this.#idle.shift()
      if (oldest !== undefined) this.#close(oldest)
    }
    if (this.#idle.length > 0) return
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
  }

  #close(connection: Connection): void {
    if (connection.state === 'closed') return
    if (connection.state === 'scout') this.#knowledge.scouted(SCOUT_MS, this.#clock.monotonic())
    connection.state = 'closed'
    connection.socket.destroy()
  }

  /** The instance closed it, or it broke, or #close did. */
  #closed(connection: Connection): void {
    const now = this.#clock.monotonic()
    const idleMs = now - connection.usedAt
    if (connection.state === 'scout') this.#knowledge.scouted(idleMs, now)
    if (connection.state === 'idle') {
      if (connection.wasUsed) this.#knowledge.closedAfter(idleMs, now)
      this.#idle.splice(this.#idle.indexOf(connection), 1)
    }
    connection.state = 'closed'
  }

  /** It refused a connection: nobody is sent there until it opens. Who waits in `room` is woken then, and makes the knocking fast. */
  refused(room: Room): void {
    this.#rooms.add(room)
    this.#knowledge.forget()
    if (this.isDown && this.#knockMs <= KNOCK_MS) return
    this.isDown = true
    this.#knockIn(KNOCK_MS)
  }

  #knockIn(ms: number): void {
    this.#knockMs = ms
    clearTimeout(this.#knocker)
    this.#knocker = setTimeout(() => this.open(connection => this.#knocked(connection)), ms).unref()
  }

  #knocked(connection: Connection | undefined): void {
    if (connection !== undefined) {
      this.keep(connection)
      clearTimeout(this.#knocker)
      this.isDown = false
      const rooms = [...this.#rooms]
      this.#rooms.clear()
      for (const room of rooms) room.wakeAll()
    } else if (!this.#isRetired) {
      const isAwaited = [...this.#rooms].some(room => room.size > 0)
      this.#knockIn(isAwaited ? KNOCK_MS : Math.min(SLOWEST_KNOCK_MS, this.#knockMs * 2))
    }
  }

  /** No table names it any more. What is in flight ends as it will. */
  retire(): void {
    this.#isRetired = true
    clearInterval(this.#sweeper)
    clearTimeout(this.#knocker)
    for (const connection of this.#idle.splice(0)) this.#close(connection)
    if (this.#scout !== undefined) this.#close(this.#scout)
  }
}

/** Where requests wait for it. */
export interface Room {
  readonly size: number
  wakeAll(): void
}
