import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addLatency, newHistogram, percentile } from './histogram.ts'

test('percentiles of a known spread are within five per cent', () => {
  const histogram = newHistogram()
  for (let ms = 1; ms <= 1000; ms++) addLatency(histogram, ms)
  for (const [share, exact] of [
    [0.5, 500],
    [0.95, 950],
    [0.99, 990],
  ] as const) {
    const got = percentile(histogram, share)
    assert.ok(Math.abs(got - exact) / exact < 0.05, `p${share * 100} is ${got}, not about ${exact}`)
  }
})

test('extremes fall in the outermost buckets, and nothing gives zero', () => {
  const histogram = newHistogram()
  assert.equal(percentile(histogram, 0.99), 0)
  addLatency(histogram, 0)
  assert.ok(percentile(histogram, 0.5) <= 0.002)
  addLatency(histogram, 1e9)
  assert.ok(percentile(histogram, 1) > 100_000)
})
