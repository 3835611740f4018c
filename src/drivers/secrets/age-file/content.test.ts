import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyContent, latestOf, versionsOf, withoutSecret, withoutUnused, withSecret } from './content.ts'

const at = '2026-01-02T03:04:05.000Z'
const set = (value: string, rotated = false) => ({ value, rotated, at })
const numbers = (content: typeof emptyContent, name: string) => versionsOf(content, name).map(version => version.version)

test('versions grow, also over a removal', () => {
  const removed = withoutSecret(withSecret(withSecret(emptyContent, 'A', set('1')), 'A', set('2')), 'A')
  assert.deepEqual(latestOf(removed), [])
  assert.deepEqual(numbers(withSecret(removed, 'A', set('2')), 'A'), [1, 2, 3])
})

test('the same value again is the same version, unless it is a rotation', () => {
  const once = withSecret(emptyContent, 'A', set('1'))
  assert.equal(withSecret(once, 'A', set('1')), once)
  assert.deepEqual(latestOf(withSecret(once, 'A', set('1', true))), [{ name: 'A', version: 2, at, rotated: 2 }])
})

test('a rotation is remembered when another version follows, also when it is pruned', () => {
  const content = ['1', '2', '3'].reduce((before, value) => withSecret(before, 'A', set(value, value === '2')), emptyContent)
  const pruned = withoutUnused(content, [])
  assert.deepEqual(numbers(pruned, 'A'), [2, 3])
  assert.deepEqual(latestOf(pruned), [{ name: 'A', version: 3, at, rotated: 2 }])
})

test('pruning keeps what a release refers to, and the last number of a removed name', () => {
  const content = withoutSecret(
    ['1', '2', '3'].reduce((before, value) => withSecret(before, 'A', set(value)), emptyContent),
    'A',
  )
  assert.deepEqual(numbers(withoutUnused(content, [{ name: 'A', version: 1 }]), 'A'), [1, 3])
  assert.equal(withoutUnused(withoutUnused(content, []), []).history.A?.length, 1)
})

test('names that every object has are names like others', () => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
    assert.deepEqual(numbers(emptyContent, name), [])
    assert.equal(withoutSecret(emptyContent, name), emptyContent)
    assert.deepEqual(numbers(withSecret(emptyContent, name, set('1')), name), [1])
  }
})
