/** What an activation served since it was first committed. */
import { refuseNewer } from '../../../../core/file-format.ts'
import type { Counters } from '../../../../ports/proxy.ts'
import { addLatency, BUCKETS, newHistogram, percentile } from './histogram.ts'

/** A client that leaves sooner says nothing of the instance. Milliseconds. */
const PATIENCE_MS = 1000

/** Runs are many in a year; only what a bake or a comparison may still ask for is kept. */
const KEPT = 100

export class Activation {
  readonly name: string
  readonly since: number
  /** Requests on their way to its backends. */
  inFlight = 0
  requests = 0
  errors = 0
  unanswered = 0
  readonly histogram: Uint32Array

  constructor(name: string, since: number, histogram: Uint32Array = newHistogram()) {
    this.name = name
    this.since = since
    this.histogram = histogram
  }

  answered(status: number, ms: number): void {
    this.requests += 1
    if (status >= 500) this.errors += 1
    addLatency(this.histogram, ms)
  }

  /** The client left before the end of the answer. @param isCounted the answer had begun */
  gaveUp(afterMs: number, isCounted: boolean): void {
    if (afterMs < PATIENCE_MS) return
    this.unanswered += 1
    if (isCounted) return
    this.requests += 1
    addLatency(this.histogram, afterMs)
  }

  /** An answer that had begun was cut off. */
  broke(): void {
    this.errors += 1
  }

  counters(): Counters {
    const { name: activation, requests, errors, unanswered, since, histogram } = this
    const latency = { p50: percentile(histogram, 0.5), p95: percentile(histogram, 0.95), p99: percentile(histogram, 0.99) }
    return { activation, requests, errors, unanswered, latency, since }
  }
}

/** The form on disk: `[bucket, count]` pairs of the buckets that are not empty. */
interface Saved {
  name: string
  since: number
  requests: number
  errors: number
  /** Not written by an earlier fettle. */
  unanswered?: number
  latency: [number, number][]
}

export class Activations {
  readonly #byName = new Map<string, Activation>()

  get(name: string): Activation | undefined {
    return this.#byName.get(name)
  }

  /** The one of that name, new when there is none. */
  begin(name: string, now: number): Activation {
    const activation = this.#byName.get(name) ?? new Activation(name, now)
    this.#byName.delete(name)
    this.#byName.set(name, activation)
    for (const [oldest, { inFlight }] of this.#byName) {
      if (this.#byName.size <= KEPT) break
      if (inFlight === 0) this.#byName.delete(oldest)
    }
    return activation
  }

  /** Differs when there is something new to save. */
  total(): number {
    let total = this.#byName.size
    for (const { requests, errors } of this.#byName.values()) total += requests + errors
    return total
  }

  toJson(): string {
    const activations = [...this.#byName.values()].map(({ name, since, requests, errors, unanswered, histogram }): Saved => {
      const latency = [...histogram.entries()].filter(([, count]) => count > 0)
      return { name, since, requests, errors, unanswered, latency }
    })
    return JSON.stringify({ format: 1, activations })
  }

  /** @throws when the text is not what `toJson` gives */
  load(text: string): void {
    const saved = JSON.parse(text) as { format: number; activations: Saved[] }
    refuseNewer(saved.format, 1, 'the counters')
    for (const { name, since, requests, errors, unanswered = 0, latency } of saved.activations) {
      const activation = new Activation(name, since)
      activation.requests = requests
      activation.errors = errors
      activation.unanswered = unanswered
      for (const [bucket, count] of latency) if (bucket < BUCKETS) activation.histogram[bucket] = count
      this.#byName.set(name, activation)
    }
  }
}
