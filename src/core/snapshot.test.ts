import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operationOf, snapshotId } from './snapshot.ts'

const AT = Date.parse('2026-11-21T17:36:24.500Z')

test('the id of a snapshot says when it was taken and by which operation, also the id that an earlier version gave it', () => {
  assert.equal(snapshotId(AT, 'op12', '3f9a2c'), '20261121-173624-op12-3f9a2c')
  for (const id of [snapshotId(AT, 'op12', '3f9a2c'), snapshotId(AT, 'op12', '123456'), '20261121-173624-op12'])
    assert.equal(operationOf(id), 'op12')
  assert.equal(operationOf('by-hand'), undefined)
})
