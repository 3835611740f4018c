import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNewer } from './version-order.ts'

test('a version is newer by its first part that differs, as a number', () => {
  const newer: [string, string][] = [
    ['0.2.0', '0.1.9'],
    ['0.10.0', '0.9.0'],
    ['1.0.0', '0.99.99'],
  ]
  for (const [version, than] of newer)
    assert.deepEqual([isNewer(version, than), isNewer(than, version), isNewer(version, version)], [true, false, false])
})
