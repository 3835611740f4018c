import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWordLike } from './word-like.ts'

test('a value that people use as a word, a name or a number looks like one', () => {
  for (const value of [
    'staging',
    'admin',
    'Production',
    'STATE',
    '1795',
    'null',
    'web-1',
    'guest_book',
    'app.production',
    'hunter2',
    'admin\n',
  ])
    assert.ok(isWordLike(value), value)
})

test('a value that a machine made up, or a phrase, does not', () => {
  for (const value of [
    'kX9-3fQz',
    'aB3dE5',
    '4f9c2b7a',
    'qpwoeirutyalskd',
    '18446744073709',
    'p4ssw0rd!',
    'correct horse battery staple',
    'postgres://web@db/x',
    'ünïcode',
    '',
  ])
    assert.ok(!isWordLike(value), value)
})
