/**
 * Clients that never retry, over connections that are kept: readers, and writers that remember what was acknowledged. Every answer
 * must come from a version that is declared to serve.
 */
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { ask } from '../helpers/http.ts'

const READERS = 2
/** Enough of them to meet every switch, few enough that the machine is there for what is swept. */
const PAUSE_MS = 40
const FILES = 16
const HOST = 'ledger.test'

export class Load {
  /** Versions that may answer. */
  readonly declared = new Set<number>()
  /** Numbers of entries that were acknowledged. */
  readonly entries = new Set<number>()
  /** File → the newest content that was acknowledged. */
  readonly files = new Map<string, number>()
  /** 503 is right while the app is stopped. */
  mayRefuse = false
  /** Requests may fail, as while the machine is down or its disk is full. What is answered must still be right. */
  mayBreak = false
  #failures: string[] = []
  #next = 1
  #answers = 0
  readonly #address: string
  readonly #stop = new AbortController()
  readonly #connections = new Agent({ keepAlive: true, maxSockets: READERS + 2 })
  #running: Promise<unknown>

  constructor(address: string) {
    this.#address = address
    const readers = Array.from({ length: READERS }, () => this.#repeat(() => this.#get('/version')))
    this.#running = Promise.all([...readers, this.#repeat(() => this.#write())])
  }

  get answers(): number {
    return this.#answers
  }

  /** What went wrong since it was asked last. */
  takeFailures(): string[] {
    const failures = this.#failures
    this.#failures = []
    return failures
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#connections.destroy()
  }

  /** One request of its own; the version that answered, undefined when it was refused. */
  async #get(path: string, body?: string): Promise<number | undefined> {
    try {
      const reply = await ask(this.#address, { host: HOST, path, agent: this.#connections, ...(body && { method: 'PUT', body }) })
      this.#answers++
      if (reply.status === 503 && this.mayRefuse) return undefined
      const { version, hasToken } = reply.status === 200 ? JSON.parse(reply.text) : {}
      if (this.declared.has(version) && hasToken) return version
      if (this.mayBreak && reply.status !== 200) return undefined
      this.#failures.push(`${path} was answered with ${reply.status} ${reply.text}, not by ${[...this.declared].join(' or ')}`)
    } catch (error) {
      if (!this.mayBreak) this.#failures.push(`${path} failed: ${(error as Error).message}`)
    }
    return undefined
  }

  /** The version that answers a new request. */
  version(): Promise<number | undefined> {
    return this.#get('/version')
  }

  /** Until a request is answered again. */
  async untilAnswered(): Promise<void> {
    while ((await this.version()) === undefined) await delay(PAUSE_MS)
  }

  /** What was acknowledged so far may be lost. */
  forget(): void {
    this.entries.clear()
    this.files.clear()
  }

  async #write(): Promise<void> {
    const number = this.#next++
    if (number % 8 > 0) {
      if ((await this.#get(`/entries/${number}`, '-')) !== undefined) this.entries.add(number)
      return
    }
    const name = `file-${number % FILES}-${((number / FILES) % FILES) | 0}`
    if ((await this.#get(`/files/${name}`, String(number))) !== undefined) this.files.set(name, number)
  }

  async #repeat(act: () => Promise<unknown>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await act()
      await delay(PAUSE_MS)
    }
  }
}
