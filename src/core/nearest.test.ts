import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestName } from './nearest.ts'

const NAMES = ['instances', 'in-drills', 'web', 'worker', 'data', 'SMTP_KEY']
const CASES: [written: string, nearest: string | undefined][] = [
  ['instnaces', 'instances'],
  ['instance', 'instances'],
  ['in_drills', 'in-drills'],
  ['wbe', 'web'],
  ['weeb', 'web'],
  ['work', 'worker'],
  ['smtp_key', 'SMTP_KEY'],
  ['dta', 'data'],
  ['zzz', undefined],
  ['database-of-shop', 'data'],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
]
for (const [written, nearest] of CASES)
  test(`by ${JSON.stringify(written.slice(0, 20))} was meant ${nearest ?? 'nothing here'}`, () => {
    assert.equal(nearestName(written, NAMES), nearest)
  })

test('the nearest wins, and of equally near ones the first', () => {
  assert.equal(nearestName('cats', ['cuts', 'cat', 'bats']), 'cuts')
  assert.equal(nearestName('beta', ['bta', 'beta']), 'beta')
})
