import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BakeVerdict, judgeBake, type Observed } from './bake.ts'
import type { Bake } from './spec/schema.ts'

const rules: Bake = { for: 60_000, errors: 0.05, latency: 3, 'min-requests': 50 }
const seen = (requests: number, errors = 0, p95 = 10, unanswered = 0): Observed => ({ requests, errors, unanswered, latency: { p95 } })

const cases: [string, Observed | undefined, Observed | undefined, BakeVerdict['state']][] = [
  ['lost counters are inconclusive, never a pass', undefined, seen(1000), 'inconclusive'],
  ['too few requests are inconclusive', seen(49), seen(1000), 'inconclusive'],
  ['enough good requests pass', seen(50), seen(1000), 'pass'],
  ['as many errors as are allowed pass', seen(100, 5), seen(1000), 'pass'],
  ['one error more is a breach', seen(100, 6), seen(1000), 'breach'],
  ['a breach does not wait for the minimum when its errors exceed what the minimum could excuse', seen(10, 3), seen(1000), 'breach'],
  ['one early error is no breach', seen(1, 1), seen(1000), 'inconclusive'],
  ['three times slower than before, and above the floor, is slow', seen(200, 0, 400), seen(1000, 0, 100), 'slow'],
  ['slower, but below what anybody notices, passes', seen(200, 0, 40), seen(1000, 0, 2), 'pass'],
  ['the first answers of a start are no measure for latency', seen(199, 0, 400), seen(1000, 0, 100), 'pass'],
  ['an old release with hardly any traffic is no measure for latency', seen(200, 0, 400), seen(10, 0, 1), 'pass'],
  ['when most clients gave up waiting, that is a breach', seen(80, 0, 1500, 60), seen(1000, 0, 10), 'breach'],
  ['more that gave up than half of the minimum do not wait for the minimum', seen(40, 0, 1500, 40), seen(1000), 'breach'],
  ['a few that gave up early are none', seen(20, 0, 1500, 20), seen(1000), 'inconclusive'],
  ['clients that leave by themselves, as before, are none', seen(80, 0, 1500, 60), seen(1000, 0, 1500, 900), 'pass'],
  ['a few that leave are none', seen(80, 0, 10, 30), seen(1000), 'pass'],
  ['without an old release only errors count', seen(100, 0, 4000), undefined, 'pass'],
]

for (const [title, now, before, state] of cases) {
  test(title, () => {
    const verdict = judgeBake(now, before, rules)
    assert.equal(verdict.state, state, verdict.why)
    assert.equal(verdict.why === '', state === 'pass')
  })
}
