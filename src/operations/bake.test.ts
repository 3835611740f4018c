import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouteTable } from '../ports/proxy.ts'
import { bakeKinds } from './bake.ts'
import type { World } from './world.ts'

const rules = { for: 60_000, errors: 0.05, latency: 3, 'min-requests': 50 }
const input = { release: 'r2', activation: 'r2-op2', before: 'r1-op1', until: 60_000, rules }

/** A trial in a time of its own, of a release whose answers take so long at each moment. Times in ms. */
async function trial(p95At: (time: number) => number): Promise<{ verdict: string; breach: string; endedAt: number }> {
  let time = 0
  const sleep = async (ms: number): Promise<void> => {
    time += ms
  }
  const clock = { now: () => time, monotonic: () => time, sleep }
  const counters = async (activation: string) => ({
    requests: 1000,
    errors: 0,
    latency: { p95: activation === 'r2-op2' ? p95At(time) : 100 },
  })
  const current = async () => ({ activation: 'r2-op2' }) as RouteTable
  const [watch] = bakeKinds({ clock, proxy: { counters, current }, layout: { release: () => '/nowhere' } } as unknown as World)
  assert.ok(watch)
  const operation = { id: 'op3', kind: 'bake' as const, app: 'shop', environment: 'production' }
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
  assert.deepEqual(await trial(time => (time < 9_000 ? 900 : 90)), { verdict: 'pass', breach: '', release: '', endedAt: 60_000 })
})

test('one that stays slow is returned from, ten seconds after it became slow', async () => {
  const { verdict, breach, endedAt } = await trial(time => (time < 20_000 ? 90 : 900))
  assert.deepEqual([verdict, breach, endedAt], ['breach', 'p95 is 900 ms, it was 100 ms', 30_000])
})

test('one that is slow now and then stays', async () => {
  assert.equal((await trial(time => (time % 9_000 < 8_000 ? 900 : 90))).verdict, 'slow')
})
