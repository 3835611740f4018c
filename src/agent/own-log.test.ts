import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { capLog } from './own-log.ts'

test('a log that grew too large is kept once as it was, and goes on empty for whoever has it open', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-log-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'agent.log')
  const log = await open(path, 'a')
  t.after(() => log.close())
  await log.write('a'.repeat(100))
  await capLog(path, 100)
  assert.equal((await stat(path)).size, 100, 'large enough is not too large')
  await log.write('b')
  await capLog(path, 100)
  await log.write('c')
  assert.equal(await readFile(`${path}.1`, 'utf8'), `${'a'.repeat(100)}b`)
  assert.equal(await readFile(path, 'utf8'), 'c')
})

test('where no file is the log, there is nothing to do', () => capLog('/nowhere/agent.log'))
