import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FettleError } from './errors.ts'
import { changesBetween, missingSecrets, planSecrets, refsForRollback } from './secrets.ts'

const KEY = { name: 'KEY', version: 3 }
const MAIL = { name: 'MAIL', version: 1 }

test('missing secrets are named once and sorted', () => {
  assert.deepEqual(missingSecrets(['Z', 'KEY', 'A', 'Z'], [KEY]), ['A', 'Z'])
})

test('a deploy takes the newest version of what is declared and nothing else', () => {
  const plan = planSecrets(['KEY'], [KEY, MAIL], [{ name: 'KEY', version: 2 }, MAIL], 'production')
  assert.deepEqual(plan.refs, [KEY])
  assert.deepEqual(plan.changes, [
    { name: 'KEY', from: 2, to: 3 },
    { name: 'MAIL', from: 1, to: undefined },
  ])
})

test('a deploy is refused when a secret is gone that the last release had', () => {
  assert.throws(
    () => planSecrets(['KEY', 'MAIL'], [KEY], [MAIL], 'staging'),
    (error: FettleError) => {
      assert.ok(error instanceof FettleError)
      assert.equal(error.code, 'SECRET_MISSING')
      assert.equal(error.message, 'staging lacks a secret: MAIL (the last release has version 1)')
      assert.equal(error.hint, 'fettle secrets set MAIL --env staging')
      assert.deepEqual(error.context, { environment: 'staging', missing: ['MAIL'], lost: ['MAIL'] })
      return true
    },
  )
})

test('a secret that is no longer declared does not stop a deploy when it is gone', () => {
  assert.deepEqual(planSecrets([], [], [MAIL], 'production').changes, [{ name: 'MAIL', from: 1, to: undefined }])
})

test('releases with the same versions have no changes', () => {
  assert.deepEqual(changesBetween([KEY, MAIL], [MAIL, KEY]), [])
})

test('a rollback gets the recorded versions when nothing was rotated', () => {
  const recorded = [{ name: 'KEY', version: 1 }]
  assert.deepEqual(refsForRollback(recorded, [KEY]), { refs: recorded, rotated: [], gone: [] })
})

test('a rollback gets the newest version of what was rotated since, also when it was set again after', () => {
  const latest = [{ ...KEY, rotated: 2 }]
  assert.deepEqual(refsForRollback([{ name: 'KEY', version: 1 }], latest), { refs: [KEY], rotated: ['KEY'], gone: [] })
})

test('a rollback keeps a version that is as new as the rotation', () => {
  const recorded = [{ name: 'KEY', version: 2 }]
  assert.deepEqual(refsForRollback(recorded, [{ ...KEY, rotated: 2 }]), { refs: recorded, rotated: [], gone: [] })
})

test('a rollback names what was removed', () => {
  assert.deepEqual(refsForRollback([KEY, MAIL], [KEY]), { refs: [KEY], rotated: [], gone: ['MAIL'] })
})
