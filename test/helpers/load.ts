/** Clients that go on while something happens: they keep their connections and never retry. Every answer is counted. */
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type Asked, ask, type Reply } from './http.ts'

export interface Client {
  /** Of the n-th request. */
  request(n: number): Asked
  /** What is wrong with an answer. Default: a status other than 2xx. */
  judge?(reply: Reply, n: number): string | undefined
  pauseMs?: number
}

export interface LoadReport {
  sent: number
  failures: string[]
  /** Longest time to a whole answer. */
  slowestMs: number
}

const isGood = ({ status, text }: Reply): string | undefined =>
  status >= 200 && status < 300 ? undefined : `${status} ${text.slice(0, 200)}`

export class Load {
  readonly #report: LoadReport = { sent: 0, failures: [], slowestMs: 0 }
  readonly #stop = new AbortController()
  readonly #connections = new Agent({ keepAlive: true })
  readonly #running: Promise<unknown>

  constructor(address: string, clients: Client[]) {
    this.#running = Promise.all(clients.map(client => this.#repeat(address, client)))
  }

  get sent(): number {
    return this.#report.sent
  }

  async stop(): Promise<LoadReport> {
    this.#stop.abort()
    await this.#running
    this.#connections.destroy()
    return this.#report
  }

  async #repeat(address: string, { request, judge = isGood, pauseMs = 10 }: Client): Promise<void> {
    for (let n = 1; !this.#stop.signal.aborted; n++) {
      const asked = request(n)
      const began = performance.now()
      this.#report.sent += 1
      const failure = await ask(address, { agent: this.#connections, ...asked }).then(
        reply => judge(reply, n),
        (error: Error) => error.message,
      )
      this.#report.slowestMs = Math.max(this.#report.slowestMs, performance.now() - began)
      if (failure !== undefined) this.#report.failures.push(`${asked.method ?? 'GET'} ${asked.path ?? '/'}: ${failure}`)
      await delay(pauseMs)
    }
  }
}
