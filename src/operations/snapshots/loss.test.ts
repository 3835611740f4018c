import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goneText, possibleLoss } from './loss.ts'

test('that nothing would be lost is said only where everything was counted', () => {
  const none = { rows: 0, items: {} }
  const said = (precision: 'exact' | 'at-least' | 'unknown') => {
    const { isPossible, text } = possibleLoss({ ...none, precision }, false)
    return [isPossible, text, goneText({ ...none, precision }, undefined, ['/old'])]
  }
  assert.deepEqual(said('exact'), [false, 'nothing that is there now would be lost', undefined])
  assert.deepEqual(said('at-least'), [
    true,
    'at least 0 rows or files new or changed since would be lost',
    'at least 0 rows or files new or changed since are gone; what was replaced lies aside until the next restore: /old',
  ])
  assert.deepEqual(said('unknown').slice(0, 1), [true])
})
