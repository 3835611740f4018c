import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Candidate, type KeepRules, retentionPlan } from './retention.ts'

const DAY = 86_400_000
const now = Date.parse('2026-03-31T12:00:00Z')
const at = (id: string, takenAt: string | number, proven = false, drilled = false, failed = false): Candidate => ({
  id,
  takenAt: typeof takenAt === 'string' ? Date.parse(takenAt) : takenAt,
  proven,
  drilled,
  failed,
  labelled: false,
})
const plan = (snapshots: Candidate[], rules: KeepRules, timeZone = 'UTC') => retentionPlan(snapshots, rules, now, timeZone)
const kept = (...args: Parameters<typeof plan>) => plan(...args).keep.map(({ id, reasons }) => `${id}: ${reasons.join(', ')}`)

test('the newest of each day stays, and a gap uses up nothing', () => {
  const snapshots = [at('a', '2026-03-31T02:00Z'), at('b', '2026-03-30T23:00Z'), at('c', '2026-03-30T02:00Z'), at('d', '2026-01-05T02:00Z')]
  assert.deepEqual(kept(snapshots, { daily: 3 }), ['a: daily 2026-03-31, newest', 'b: daily 2026-03-30', 'd: daily 2026-01-05'])
  assert.deepEqual(plan(snapshots, { daily: 3 }).forget, ['c'])
})

test('one with a label is not displaced by another of its day, as long as the days reach; then it is one like others', () => {
  const labelled = (id: string, takenAt: string): Candidate => ({ ...at(id, takenAt), labelled: true })
  const snapshots = [
    at('d', '2026-03-31T05:00Z'),
    labelled('c', '2026-03-31T04:00Z'),
    labelled('b', '2026-03-31T03:00Z'),
    at('a', '2026-03-31T02:00Z'),
    at('y', '2026-03-30T05:00Z'),
    labelled('x', '2026-03-30T04:00Z'),
  ]
  assert.deepEqual(kept(snapshots, { daily: 1 }), ['d: daily 2026-03-31, newest', 'c: labelled', 'b: labelled'])
  assert.deepEqual(plan(snapshots, { daily: 1 }).forget, ['a', 'y', 'x'])
  assert.deepEqual(plan(snapshots, { last: 1 }).forget, ['c', 'b', 'a', 'y', 'x'], 'without a rule for days none reaches it')
})

test('a day begins at midnight of the time zone', () => {
  const snapshots = [at('a', '2026-03-30T22:30Z'), at('b', '2026-03-30T21:30Z')]
  assert.equal(plan(snapshots, { daily: 5 }).keep.length, 1)
  assert.equal(plan(snapshots, { daily: 5 }, 'Europe/Berlin').keep.length, 2)
})

test('weeks are those of ISO 8601, also around the new year', () => {
  const days = ['2027-01-04', '2027-01-03', '2026-12-28', '2026-12-27', '2026-01-01', '2025-12-29', '2025-12-28']
  const plans = retentionPlan(
    days.map(day => at(day, `${day}T12:00Z`)),
    { weekly: 9 },
    Date.parse('2027-02-01'),
    'UTC',
  )
  assert.deepEqual(
    plans.keep.map(({ id, reasons }) => `${id} ${reasons[0]}`),
    [
      '2027-01-04 weekly 2027-W01',
      '2027-01-03 weekly 2026-W53',
      '2026-12-27 weekly 2026-W52',
      '2026-01-01 weekly 2026-W01',
      '2025-12-28 weekly 2025-W52',
    ],
  )
})

test('the rules of the default keep seven days, four weeks and twelve months of a daily backup of two years', () => {
  const snapshots = Array.from({ length: 730 }, (_, index) => at(`s${index}`, now - index * DAY))
  const { keep } = plan(snapshots, { daily: 7, weekly: 4, monthly: 12 })
  const days = keep.map(({ id }) => Number(id.slice(1)))
  assert.deepEqual(days, [0, 1, 2, 3, 4, 5, 6, 9, 16, 31, 59, 90, 121, 151, 182, 212, 243, 274, 304, 335])
})

test('the newest proven snapshot stays, whatever the rules say', () => {
  const snapshots = [at('new', '2026-03-31T02:00Z'), at('proven', '2020-01-01T02:00Z', true), at('old', '2019-01-01T02:00Z', true)]
  assert.deepEqual(kept(snapshots, { last: 1 }), ['new: last, newest', 'proven: newest proven'])
})

test('what a drill passed as a whole stays beside a newer one that was only restored', () => {
  const snapshots = [
    at('restored', '2026-03-31T03:00Z', true),
    at('drilled', '2026-03-31T02:00Z', true, true),
    at('old', '2026-03-31T01:00Z', true, true),
  ]
  assert.deepEqual(kept(snapshots, { daily: 1 }), ['restored: daily 2026-03-31, newest proven, newest', 'drilled: newest drilled'])
})

test('one that failed its drill takes the place of a day only where there is no other', () => {
  const failed = (id: string, time: string) => at(id, time, false, false, true)
  const snapshots = [
    failed('evening', '2026-03-30T20:00Z'),
    at('morning', '2026-03-30T02:00Z', true, true),
    failed('alone', '2026-03-29T02:00Z'),
  ]
  const days = kept([at('now', '2026-03-31T02:00Z'), ...snapshots], { daily: 7 })
  assert.deepEqual(days, ['now: daily 2026-03-31, newest', 'morning: daily 2026-03-30, newest proven', 'alone: daily 2026-03-29'])
})

test('the newest proven of the past stays beside a proven one from the future', () => {
  const snapshots = [at('future', '2030-01-01', true), at('new', '2026-03-31T02:00Z'), at('proven', '2026-03-01', true)]
  assert.deepEqual(kept(snapshots, { last: 1 }), ['future: dated in the future', 'new: last, newest', 'proven: newest proven'])
})

test('rules of zero still leave the newest', () => {
  assert.deepEqual(kept([at('a', '2026-03-31'), at('b', '2026-03-30')], { last: 0, daily: 0 }), ['a: newest'])
})

test('no rule keeps all, an empty list needs nothing', () => {
  assert.deepEqual(plan([at('a', '2026-03-31'), at('b', '2020-03-30')], {}).forget, [])
  assert.deepEqual(plan([at('a', '2026-03-31'), at('b', '2020-03-30')], { last: undefined }).forget, [])
  assert.deepEqual(plan([], { last: 1 }), { keep: [], forget: [] })
})

test('a clock that went back deletes nothing', () => {
  const snapshots = Array.from({ length: 20 }, (_, index) => at(`s${index}`, now + index * DAY))
  assert.deepEqual(retentionPlan(snapshots, { last: 1 }, now - DAY, 'UTC').forget, [])
})

test('any set of snapshots under any rules: nothing is lost or doubled, the floor holds, more rules never keep less', () => {
  const random = randomNumbers(1)
  const below = (most: number) => Math.floor(random() * most)
  for (let round = 0; round < 500; round++) {
    const snapshots = Array.from({ length: below(40) }, (_, index) =>
      at(`s${index}`, now - below(400) * DAY + below(20) * DAY, random() < 0.2),
    )
    const rules: KeepRules = { last: below(4), daily: below(8), weekly: below(5), monthly: below(13) }
    const { keep, forget } = plan(snapshots, rules)
    const keptIds = new Set(keep.map(({ id }) => id))
    assert.deepEqual([...keptIds, ...forget].sort(), snapshots.map(({ id }) => id).sort(), `round ${round}`)
    if (snapshots.length > 0) assert.ok(keptIds.size > 0)
    const proven = snapshots.filter(snapshot => snapshot.proven)
    const newestProven = Math.max(...proven.map(({ takenAt }) => takenAt))
    if (proven.length > 0) assert.ok(proven.some(({ id, takenAt }) => takenAt === newestProven && keptIds.has(id)))
    for (const { id, takenAt } of snapshots) if (takenAt > now) assert.ok(keptIds.has(id))
    const wider = plan(snapshots, { ...rules, daily: (rules.daily ?? 0) + 3 })
    for (const id of keptIds) assert.ok(!wider.forget.includes(id))
    // What was kept once is kept again when nothing new came: a second run removes nothing.
    assert.deepEqual(
      plan(
        snapshots.filter(({ id }) => keptIds.has(id)),
        rules,
      ).forget,
      [],
    )
  }
})

/** Park and Miller's generator: the same numbers in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
