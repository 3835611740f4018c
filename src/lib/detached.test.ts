import assert from 'node:assert/strict'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startDetached } from './detached.ts'

test('a detached program leads a session of its own and appends what it prints to its log', async t => {
  const cwd = await mkdtemp(join(tmpdir(), 'fettle-detached-'))
  t.after(() => rm(cwd, { recursive: true }))
  const log = join(cwd, 'log')
  const watcher = watch(cwd)
  t.after(() => watcher.close())
  // The sixth field of stat is the session; a leader's is its own pid.
  await startDetached(['sh', '-c', 'read -r pid _ _ _ _ session _ </proc/$$/stat; echo $pid $session; pwd; : >done'], {
    cwd,
    env: process.env,
    log,
  })
  while (!(await stat(join(cwd, 'done')).catch(() => undefined))) await once(watcher, 'change')
  const [ids = '', folder] = (await readFile(log, 'utf8')).split('\n')
  const [pid, session] = ids.split(' ')
  assert.equal(pid, session)
  assert.equal(folder, cwd)
  assert.equal((await stat(log)).mode & 0o777, 0o600)
})

test('a program that does not exist is an error at once', async t => {
  const cwd = await mkdtemp(join(tmpdir(), 'fettle-detached-'))
  t.after(() => rm(cwd, { recursive: true }))
  await assert.rejects(startDetached([join(cwd, 'missing')], { cwd, env: {}, log: join(cwd, 'log') }), { code: 'ENOENT' })
})
