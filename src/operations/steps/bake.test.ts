import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '../../../test/helpers/temporary.ts'
import { FettleError } from '../../core/errors.ts'
import { layout } from '../../core/layout.ts'
import type { RouteTable } from '../../ports/proxy.ts'
import type { World } from '../world.ts'
import { bakeKinds } from './bake.ts'

const rules = { for: 60_000, errors: 0.05, latency: 3, 'min-requests': 50 }
const input = { release: 'r2', activation: 'r2-op2', before: 'r1-op1', until: 60_000, rules }

interface Course {
  /** Operation; of another one nothing is kept. */
  id?: string
  /** How long answers take at each moment. Times in ms. */
  p95At?: (time: number) => number
  tableAt?: (time: number) => { release: string; activation: string }
  /** Another operation is at work until then. */
  busyUntil?: number
  /** Its agent is stopped then. */
  stopAt?: number
  /** How far the wall clock is ahead. */
  aheadMs?: number
}

const folder = temporaryFolder()
let trials = 0

/** A trial in a time of its own. */
async function trial(course: Course): Promise<{ verdict: string; breach: string; endedAt: number; told: string[] }> {
  trials += 1
  const { p95At = () => 90, tableAt = () => ({ release: 'r2', activation: 'r2-op2' }) } = course
  const { id = `op${trials}`, busyUntil = 0, stopAt, aheadMs = 0 } = course
  let time = 0
  const sleep = async (ms: number): Promise<void> => {
    time += ms
    if (stopAt !== undefined && time >= stopAt) throw new FettleError('CANCELLED', 'the agent stops')
  }
  const clock = { now: () => time + aheadMs, monotonic: () => time, sleep }
  const counters = async (activation: string) => ({
    requests: 1000 + time,
    errors: 0,
    latency: { p95: activation === 'r1-op1' ? 100 : p95At(time) },
  })
  const current = async () => tableAt(time) as RouteTable
  const [watch] = bakeKinds({ clock, proxy: { counters, current }, layout: layout(folder) } as unknown as World)
  assert.ok(watch)
  const told: string[] = []
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
    holder: (lease: string) => (lease === 'shop/production' && time < busyUntil ? 'op4' : undefined),
    tell: (text: string) => told.push(text),
    remains() {},
    fault: async () => {},
  }
  return { ...((await watch.run(input as never, context)) as { verdict: string; breach: string }), endedAt: time, told }
}

test('a release that is slow only while it warms up stays', async () => {
  const p95At = (time: number) => (time < 9_000 ? 900 : 90)
  const told = ['passed: 61,000 requests, 0 errors']
  assert.deepEqual(await trial({ p95At }), { verdict: 'pass', breach: '', release: 'r2', endedAt: 60_000, told })
})

test('one that stays slow is returned from, ten seconds after it became slow', async () => {
  const { verdict, breach, endedAt } = await trial({ p95At: time => (time < 20_000 ? 90 : 900) })
  assert.deepEqual([verdict, breach, endedAt], ['breach', 'p95 is 900 ms, it was 100 ms', 30_000])
})

test('one that is slow now and then stays', async () => {
  const { verdict, told } = await trial({ p95At: time => (time % 9_000 < 8_000 ? 900 : 90) })
  assert.deepEqual([verdict, told], ['slow', ['slow: p95 is 900 ms, it was 100 ms']])
})

test('one that was started anew is on trial still', async () => {
  const tableAt = (time: number) => ({ release: 'r2', activation: time < 5_000 ? 'r2-op2' : 'r2-op9' })
  const { verdict, endedAt } = await trial({ tableAt, p95At: time => (time < 20_000 ? 90 : 900) })
  assert.deepEqual([verdict, endedAt], ['breach', 30_000])
})

test('the trial ends when another release serves', async () => {
  const tableAt = (time: number) => ({ release: time < 5_000 ? 'r2' : 'r3', activation: 'x' })
  assert.deepEqual(await trial({ tableAt }), { verdict: 'superseded', breach: '', endedAt: 5_000, told: [] })
})

test('one that misbehaves while another operation is at work is returned from when that has ended, even past the time of the trial', async () => {
  const { verdict, breach, endedAt } = await trial({ p95At: time => (time < 20_000 ? 900 : 90), busyUntil: 70_000 })
  assert.deepEqual([verdict, breach, endedAt], ['breach', 'p95 is 900 ms, it was 100 ms', 70_000])
})

for (const aheadMs of [0, 3_600_000, -3_600_000]) {
  test(`a trial whose agent was stopped goes on for as long as it was not yet watched, by a clock that is ${aheadMs} ms ahead`, async () => {
    const id = `stopped${aheadMs}`
    await assert.rejects(trial({ id, stopAt: 20_000 }), { code: 'CANCELLED' })
    const { verdict, endedAt } = await trial({ id, aheadMs })
    assert.equal(verdict, 'pass')
    assert.ok(endedAt >= 40_000 && endedAt <= 46_000, `after ${endedAt} more`)
  })
}
