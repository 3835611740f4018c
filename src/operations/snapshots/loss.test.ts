import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan } from '../../core/plan.ts'
import { announce, announcing, requireBasis } from '../basis.ts'
import { goneText } from './loss.ts'

const planSaying = (announced: string): Plan => ({
  format: 1,
  kind: 'restore',
  app: 'shop',
  environment: 'production',
  leases: [],
  basis: { snapshot: 'hash', ...announcing(announced) },
  lines: [],
  steps: [{ id: 'loss', kind: 'loss.count@1', title: 'count what is replaced', input: { snapshot: 's1' }, after: [] }],
})

test('what grew since the plan was shown is no reason to refuse it, and what was said then is what counts as announced', () => {
  const shown = planSaying('199')
  const now = planSaying('250')
  requireBasis(now, shown.basis)
  assert.equal(announce(now, shown.basis).steps[0]?.input.announced, '199')
  assert.equal(announce(now).steps[0]?.input.announced, '250')
  assert.throws(() => requireBasis(now, { ...shown.basis, snapshot: 'another' }), /\(snapshot\) has changed since/)
})

test('what is gone is told beside what was announced, and where it lies', () => {
  const counted = { rows: 1321, precision: 'exact' as const, items: {} }
  const aside = 'what was replaced lies aside until the next restore: /live/data/op1'
  const folders = ['/live/data/op1']
  assert.equal(goneText(counted, '199', folders), `1,321 rows or files new or changed since are gone (announced: 199); ${aside}`)
  assert.equal(goneText(counted, '1,321', folders), `1,321 rows or files new or changed since are gone, as announced; ${aside}`)
  assert.equal(goneText({ ...counted, rows: 1 }, undefined, folders), `1 row or file new or changed since is gone; ${aside}`)
  assert.equal(
    goneText({ ...counted, precision: 'unknown' }, 'unknown', folders),
    `how much of what was there is gone is unknown; ${aside}`,
  )
  assert.equal(goneText({ ...counted, rows: 0 }, '0', folders), undefined)
})
