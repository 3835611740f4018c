/** Whether a release on trial behaves, from the proxy's counters alone. */
import type { Bake } from './spec/schema.ts'

export interface Observed {
  requests: number
  errors: number
  /** Their clients gave up waiting. */
  unanswered: number
  latency: { p95: number }
}

export interface BakeVerdict {
  /** `slow`: a breach only when it lasts, since whatever just started is slow at first. */
  state: 'pass' | 'breach' | 'slow' | 'inconclusive'
  why: string
  requests: number
  errors: number
}

/** Below this a slower answer is no breach, whatever the ratio. Milliseconds. */
const LATENCY_FLOOR_MS = 50
/** A client may leave for reasons of its own, but not so many, unless they did before too. */
const MOST_UNANSWERED = 0.5
/** With fewer requests the slow ones of a start decide over the new release's latency, and the old one's is no measure. */
const MIN_REQUESTS = { now: 200, before: 50 }

const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`

/** `before` is what the old release showed; undefined counters mean that they were lost: never a pass. */
export function judgeBake(now: Observed | undefined, before: Observed | undefined, rules: Bake): BakeVerdict {
  if (now === undefined) return { state: 'inconclusive', why: 'the counters were lost', requests: 0, errors: 0 }
  const { requests, errors } = now
  const counts = { requests, errors }
  const minimum = Math.max(rules['min-requests'], 1)
  // The verdict does not wait for the minimum where already more fail than the minimum of requests could excuse.
  const isBeyondExcuse = errors > rules.errors * Math.max(requests, minimum)
  if (isBeyondExcuse)
    return {
      state: 'breach',
      why: `${share(errors, requests)} of ${requests} requests failed, ${share(rules.errors, 1)} are allowed`,
      ...counts,
    }
  const isHung = (seen: Observed, least: number) => seen.unanswered > MOST_UNANSWERED * Math.max(seen.requests, least)
  if (isHung(now, minimum) && (before === undefined || !isHung(before, 1)))
    return {
      state: 'breach',
      why: `${share(now.unanswered, requests)} of ${requests} requests had no whole answer when their clients gave up`,
      ...counts,
    }
  if (requests < minimum) return { state: 'inconclusive', why: `${requests} requests, ${minimum} are needed`, ...counts }
  const limit = Math.max(LATENCY_FLOOR_MS, rules.latency * (before?.latency.p95 ?? Number.POSITIVE_INFINITY))
  const isMeasure = before !== undefined && before.requests >= MIN_REQUESTS.before && requests >= MIN_REQUESTS.now
  if (isMeasure && now.latency.p95 > limit) {
    return { state: 'slow', why: `p95 is ${Math.round(now.latency.p95)} ms, it was ${Math.round(before.latency.p95)} ms`, ...counts }
  }
  return { state: 'pass', why: '', ...counts }
}
