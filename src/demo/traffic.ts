/**
 * Clients that keep their connections open and never retry: what a deploy loses, they lose. Counts every request from the first to
 * the last, and remembers every entry that was acknowledged.
 */
import type { Agent, IncomingMessage, RequestOptions } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** An import of node:http reads all its exports and so loads undici. */
const http = process.getBuiltinModule('node:http')

const READERS = 8
const WRITERS = 2
/** Between an answer and the client's next request: together some 350 requests a second, which leaves the machine room to deploy. */
const PAUSE_MS = 25
/** Longer than requests may ever be held. */
const TIMEOUT_MS = 60_000

export interface Entry {
  author: string
  text: string
}

/** Of one stretch of time. */
export interface Count {
  sent: number
  /** No answer, no answer of the app, or half an answer. */
  lost: number
  /** Answers of the app that say that it failed. */
  errors: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

interface Sample {
  ms: number
  outcome: 'answered' | 'error' | 'lost'
}

interface Answer {
  status: number
  body: string
}

export class Traffic {
  /** Id → entry, for each that the app said it keeps. */
  readonly acknowledged = new Map<number, Entry>()
  /** What befell the first few requests that were lost. */
  readonly losses: string[] = []
  /** Wall clock, ms, of the first answer that said that the app failed. */
  firstErrorAt: number | undefined
  readonly #address: URL
  readonly #host: string
  readonly #samples: Sample[] = []
  readonly #agents: Agent[] = []
  #readers: Promise<void>[] = []
  #writers: Promise<void>[] = []
  #isReading = false
  #isWriting = false
  #lost = 0

  /** @param address of the front @param host the route's name, which need not resolve here */
  constructor(address: string, host: string) {
    this.#address = new URL(address)
    this.#host = host
  }

  start(): void {
    this.#isReading = true
    this.#readers = Array.from({ length: READERS }, () => this.#read(this.#connection()))
    this.startWriting()
  }

  startWriting(): void {
    this.#isWriting = true
    this.#writers = Array.from({ length: WRITERS }, (_, index) => this.#write(this.#connection(), index))
  }

  /** Resolves when the last entry that was sent is acknowledged. */
  async stopWriting(): Promise<void> {
    this.#isWriting = false
    await Promise.all(this.#writers)
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#isReading = false
    await Promise.all([this.stopWriting(), ...this.#readers])
    for (const agent of this.#agents) agent.destroy()
  }

  get sent(): number {
    return this.#samples.length
  }

  get lost(): number {
    return this.#lost
  }

  /** Of the requests answered since `sent` was that many. */
  since(mark: number): Count {
    return countOf(this.#samples.slice(mark))
  }

  async sign(entry: Entry, agent = this.#connection()): Promise<void> {
    const body = new URLSearchParams({ ...entry }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }
    const answer = await this.#request(agent, { method: 'POST', path: '/entries', headers }, body, ({ status }) => status === 201)
    if (answer === undefined) return
    const { id }: { id: number } = JSON.parse(answer.body)
    this.acknowledged.set(id, entry)
  }

  /** Of the app that serves now. */
  async version(): Promise<string> {
    const answer = await this.#request(this.#connection(), { method: 'GET', path: '/' }, '', ({ status }) => status === 200)
    return versionOf(answer?.body ?? '') ?? 'unknown'
  }

  async #read(agent: Agent): Promise<void> {
    while (this.#isReading) {
      await this.#request(agent, { method: 'GET', path: '/' }, '', ({ status, body }) => status === 200 && body.includes('</footer>'))
      await delay(PAUSE_MS)
    }
  }

  async #write(agent: Agent, index: number): Promise<void> {
    for (let count = 1; this.#isWriting; count++) {
      await this.sign({ author: `guest ${index + 1}`, text: `entry ${count} of this guest` }, agent)
      await delay(PAUSE_MS)
    }
  }

  /** One client: one connection, kept. */
  #connection(): Agent {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    this.#agents.push(agent)
    return agent
  }

  /** @returns the answer when it is the right one */
  async #request(agent: Agent, options: RequestOptions, body: string, isRight: (answer: Answer) => boolean): Promise<Answer | undefined> {
    const startedAt = performance.now()
    const result = await send(this.#optionsFor(agent, options), body).catch((error: Error) => error)
    const isAnswer = !(result instanceof Error)
    const outcome = isAnswer && isRight(result) ? 'answered' : isAnswer && result.status === 500 ? 'error' : 'lost'
    if (outcome === 'lost') this.#remember(options, result)
    if (outcome === 'error') this.firstErrorAt ??= Date.now()
    this.#samples.push({ ms: performance.now() - startedAt, outcome })
    return isAnswer && outcome === 'answered' ? result : undefined
  }

  #optionsFor(agent: Agent, { headers, ...options }: RequestOptions): RequestOptions {
    const { hostname, port } = this.#address
    return { ...options, agent, host: hostname, port, headers: { ...headers, host: this.#host }, signal: AbortSignal.timeout(TIMEOUT_MS) }
  }

  #remember({ method, path }: RequestOptions, result: Answer | Error): void {
    this.#lost++
    const what = result instanceof Error ? result.message : `${result.status} ${result.body.slice(0, 100).trim()}`
    if (this.losses.length < 5) this.losses.push(`${method} ${path}: ${what}`)
  }
}

const versionOf = (body: string): string | undefined => /<footer>version ([\d.]+)</.exec(body)?.[1]

function send(options: RequestOptions, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(options, response => {
      read(response).then(text => resolve({ status: response.statusCode ?? 0, body: text }), reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

export function countOf(samples: readonly Sample[]): Count {
  const times = samples.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (share: number): number => Math.round((times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0) * 10) / 10
  const count = (outcome: Sample['outcome']): number => samples.filter(sample => sample.outcome === outcome).length
  return { sent: samples.length, lost: count('lost'), errors: count('error'), p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}
