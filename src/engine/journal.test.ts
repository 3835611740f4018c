import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FettleError } from '../core/errors.ts'
import type { Plan } from '../core/plan.ts'
import { Journal } from './journal.ts'

const plan: Plan = {
  format: 1,
  kind: 'test',
  app: 'app',
  environment: 'production',
  leases: [],
  basis: {},
  lines: [],
  steps: [{ id: 'one', kind: 'test@1', title: 'one', input: {}, after: [] }],
}

test('of operations that are over only the newest are kept, with their events; one that is held stays', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-journal-'))
  const journal = new Journal(join(folder, 'journal.db'), { firstNumber: 1, keep: 3 })
  t.after(async () => {
    journal.close()
    await rm(folder, { recursive: true })
  })
  for (const state of ['held', 'done', 'undone', 'done', 'done', 'running'] as const) {
    const record = journal.begin(plan, 1)
    journal.addEvent(record.id, 1, { type: 'operation', state })
    journal.saveOperation({ ...record, state })
  }
  assert.deepEqual(
    journal.list(100).map(({ id }) => id),
    ['op6', 'op5', 'op4', 'op1'],
  )
  assert.throws(() => journal.get('op3'), { code: 'NOT_FOUND' })
  assert.deepEqual([journal.events('op3', 0).length, journal.events('op4', 0).length], [0, 2])
  assert.equal(journal.begin(plan, 2).id, 'op7', 'a number is never given twice')
})

const spoilt: [string, (path: string) => void][] = [
  ['is no database', path => writeFileSync(path, randomBytes(3000))],
  ['has a page of garbage', path => overwrite(path, 4096)],
]

function overwrite(path: string, offset: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, randomBytes(4096), 0, 4096, offset)
  closeSync(file)
}

for (const [what, spoil] of spoilt) {
  test(`a journal that ${what} is damaged, and what the hint says makes room for a new one`, async t => {
    const folder = await mkdtemp(join(tmpdir(), "fettle's journal-"))
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, 'journal.db')
    const before = new Journal(path, { firstNumber: 1 })
    before.begin(plan, 1)
    before.close()
    spoil(path)
    const command = damageOf(path)
    execFileSync('sh', ['-c', command])
    const after = new Journal(path, { firstNumber: 1001 })
    assert.equal(after.begin(plan, 2).id, 'op1001')
    after.close()
  })
}

/** The command of the hint. */
function damageOf(path: string): string {
  let command = ''
  assert.throws(
    () => new Journal(path, { firstNumber: 1001 }),
    ({ code, message, hint }: FettleError) => {
      command = /`(mkdir .*?)`/.exec(hint ?? '')?.[1] ?? ''
      return code === 'DAMAGED' && message.includes(path) && command !== ''
    },
  )
  return command
}
