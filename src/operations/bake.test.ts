import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import { FettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'
import type { RouteTable } from '../ports/proxy.ts'
import { bakeKinds } from './bake.ts'
import type { World } from './world.ts'

const rules = { for: 60_000, errors: 0.05, latency: 3, 'min-requests': 50 }
const input = { release: 'r2', activation: 'r2-op2', before: 'r1-op1', until: 60_000, rules }

interface Course {
  /** Operation; of another one nothing is kept. */
  id: string
  /** Its agent is stopped then. */
  stopAt?: number
  /** How far the wall clock is ahead. */
  aheadMs?: number
}

const folder = temporaryFolder()

/** A trial in a time of its own, of a release whose answers take so long at each moment. Times in ms. */
async function trial(p95At: (time: number) => number, { id, stopAt, aheadMs = 0 }: Course) {
  let time = 0
  const sleep = async (ms: number): Promise<void> => {
    time += ms
    if (stopAt !== undefined && time >= stopAt) throw new FettleError('CANCELLED', 'the agent stops')
  }
  const clock = { now: () => time + aheadMs, monotonic: () => time, sleep }
  const counters = async (activation: string) => ({
    requests: 1000,
    errors: 0,
    latency: { p95: activation === 'r2-op2' ? p95At(time) : 100 },
  })
  const current = async () => ({ activation: 'r2-op2' }) as RouteTable
  const [watch] = bakeKinds({ clock, proxy: { counters, current }, layout: layout(folder) } as unknown as World)
  assert.ok(watch)
  const operation = { id, kind: 'bake' as const, app: 'shop', environment: 'production' }
  const signal = new AbortController().signal
  const context = {
    operation,
    step: 'watch',
    attempt: 1,
    signal,
    progress() {},
    log() {},
    complain() {},
    remains() {},
    fault: async () => {},
  }
  return { ...((await watch.run(input as never, context)) as { verdict: string; breach: string }), endedAt: time }
}

test('a release that is slow only while it warms up stays', async () => {
  assert.deepEqual(await trial(time => (time < 9_000 ? 900 : 90), { id: 'op3' }), {
    verdict: 'pass',
    breach: '',
    release: '',
    endedAt: 60_000,
  })
})

test('one that stays slow is returned from, ten seconds after it became slow', async () => {
  const { verdict, breach, endedAt } = await trial(time => (time < 20_000 ? 90 : 900), { id: 'op4' })
  assert.deepEqual([verdict, breach, endedAt], ['breach', 'p95 is 900 ms, it was 100 ms', 30_000])
})

test('one that is slow now and then stays', async () => {
  assert.equal((await trial(time => (time % 9_000 < 8_000 ? 900 : 90), { id: 'op5' })).verdict, 'slow')
})

for (const aheadMs of [0, 3_600_000, -3_600_000]) {
  test(`a trial whose agent was stopped goes on for as long as it was not yet watched, by a clock that is ${aheadMs} ms ahead`, async () => {
    const id = `op${6 + aheadMs}`
    await assert.rejects(
      trial(() => 90, { id, stopAt: 20_000 }),
      { code: 'CANCELLED' },
    )
    const { verdict, endedAt } = await trial(() => 90, { id, aheadMs })
    assert.equal(verdict, 'pass')
    assert.ok(endedAt >= 40_000 && endedAt <= 46_000, `after ${endedAt} more`)
  })
}
