import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { countsLine } from './test-results.ts'

/** Runs the test runner as `npm test` does, on one file of this source. */
async function runOn(t: TestContext, source: string): Promise<{ lines: string[]; status: number | null }> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-test-runner-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'a.test.ts')
  await writeFile(file, source)
  const { NODE_TEST_CONTEXT: _, ...env } = process.env // node:test refuses to run in itself
  const { stdout, status } = spawnSync(process.execPath, [join(import.meta.dirname, 'test.ts'), file], { env, encoding: 'utf8' })
  return { lines: stdout.trimEnd().split('\n'), status }
}

test('the counts name skipped tests only when there are some', () => {
  const outcomes = (...list: ('passed' | 'failed' | 'skipped')[]) => list.map(outcome => ({ outcome }))
  assert.equal(countsLine(outcomes('passed', 'passed', 'failed')), '2 passed, 1 failed')
  assert.equal(countsLine(outcomes('passed', 'skipped')), '1 passed, 0 failed, 1 skipped')
})

test('a run counts tests, not suites, and each failure once, with its whole title and what it printed', async t => {
  const { lines, status } = await runOn(
    t,
    `import { describe, it, test } from 'node:test'
    describe('a suite', () => { it('holds', () => {}); it.skip('waits', () => {}) })
    test('an outer one', async t => { await t.test('an inner one', () => { console.log('printed'); throw new Error('broken') }) })`,
  )
  assert.equal(lines.at(-1), '1 passed, 1 failed, 1 skipped')
  assert.equal(status, 1)
  assert.equal(lines.filter(line => line.startsWith('✖ an outer one > an inner one')).length, 1)
  assert.ok(lines.some(line => line.includes('Error: broken')))
  assert.ok(lines.includes('printed'))
})

test('a file that can not be loaded is a failure', async t => {
  const { lines, status } = await runOn(t, 'throw new Error("at the top")')
  assert.equal(lines.at(-1), '0 passed, 1 failed')
  assert.equal(status, 1)
  assert.ok(lines.includes('Error: at the top'))
})

test('a run in which all pass says so and exits with 0', async t => {
  const { lines, status } = await runOn(t, "import { test } from 'node:test'\ntest('holds', () => {})")
  assert.equal(lines.at(-1), '1 passed, 0 failed')
  assert.equal(status, 0)
})
