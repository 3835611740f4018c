import assert from 'node:assert/strict'
import { test } from 'node:test'
import { highestRung, isDrilled, isProven, standingFailure } from './proof.ts'
import type { Proof } from './snapshot.ts'

const proof = (rung: Proof['rung'], more: Partial<Proof> = {}): Proof => ({
  rung,
  at: 0,
  operation: 'op1',
  durationMs: 1,
  compared: 1,
  passed: true,
  ...more,
})
const equal = proof('content-equal')
const booted = proof('booted')
const refuted = proof('booted', { passed: false, note: '0, expected at least 1' })

test('a snapshot is proven once its content was found equal, and no sooner', () => {
  assert.deepEqual([[], [proof('re-read')], [equal], [equal, booted]].map(isProven), [false, false, true, true])
})

test('a failed drill stands, whatever was equal before or after it, until a whole drill passes', () => {
  const drill = proof('content-equal', { drill: true })
  assert.deepEqual(
    [
      [equal, refuted],
      [booted, refuted, equal],
    ].map(isProven),
    [false, false],
  )
  assert.equal(standingFailure([equal, refuted, equal])?.note, '0, expected at least 1')
  for (const passed of [drill, booted]) assert.ok(isProven([refuted, equal, passed]) && standingFailure([refuted, passed]) === undefined)
})

test('what was only restored is not drilled', () => {
  assert.deepEqual([[equal], [booted], [booted, refuted]].map(isDrilled), [false, true, false])
})

test('the highest rung is that of what passed', () => {
  assert.equal(highestRung([]), 'stored')
  assert.equal(highestRung([proof('re-read'), equal, refuted]), 'content-equal')
})
