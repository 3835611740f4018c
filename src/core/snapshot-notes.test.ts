import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SnapshotPart } from './snapshot.ts'
import { briefNotes, countNotes, snapshotNotes } from './snapshot-notes.ts'

const part = (store: string, changes: Partial<SnapshotPart> = {}): SnapshotPart => ({
  store,
  driver: 'files',
  objects: [],
  fingerprint: { format: 1, driver: 'files', of: 'of-the-dump', schema: '', items: {} },
  takenAt: 0,
  reused: false,
  ...changes,
})

describe('the notes of a snapshot', () => {
  test('each names its store, and how many were not kept is said', () => {
    const parts = [part('data'), part('up', { notes: ['a is a pipe: not covered'], moreNotes: 7 }), part('db', { notes: ['x'] })]
    assert.deepEqual(snapshotNotes(parts), ['up: a is a pipe: not covered', 'up: 7 more', 'db: x'])
    assert.equal(countNotes(parts), 9)
  })

  test('in brief they are the first few and a count, or nothing', () => {
    assert.equal(briefNotes([part('up')]), undefined)
    assert.equal(briefNotes([part('up', { notes: ['a', 'b'] })]), 'up: a; up: b')
    const many = [part('up', { notes: ['a', 'b', 'c', 'd'], moreNotes: 5 })]
    assert.equal(briefNotes(many), 'up: a; up: b; up: c; and 6 more (`fettle snapshots`)')
    assert.equal(briefNotes([part('up', { notes: ['a'], moreNotes: 2 })]), 'up: a; and 2 more (`fettle snapshots`)')
  })
})
