/** Latencies in fixed logarithmic buckets: constant memory, one increment a request, percentiles within ±4.5 %. Pure. */

/** Buckets in a doubling: 2^(1/8) is 9 % wide. */
const PER_DOUBLING = 8
/** From 1 µs to 2^27 µs, 134 s; what is beyond falls in the last. */
export const BUCKETS = 27 * PER_DOUBLING

export const newHistogram = (): Uint32Array => new Uint32Array(BUCKETS)

export function addLatency(histogram: Uint32Array, ms: number): void {
  const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor(Math.log2(ms * 1000) * PER_DOUBLING)))
  histogram[bucket] = (histogram[bucket] ?? 0) + 1
}

/** Milliseconds that `share` (0 to 1) of the latencies do not exceed; 0 when there are none. */
export function percentile(histogram: Uint32Array, share: number): number {
  const total = histogram.reduce((sum, count) => sum + count, 0)
  if (total === 0) return 0
  let left = Math.ceil(total * share)
  const bucket = histogram.findIndex(count => {
    left -= count
    return left <= 0
  })
  const middle = 2 ** ((bucket + 0.5) / PER_DOUBLING) / 1000
  return Number(middle.toPrecision(3))
}
