import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { withFileLock } from './file-lock.ts'

async function lockPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-lock-'))
  t.after(() => rm(folder, { recursive: true }))
  return join(folder, 'locks', 'it.lock')
}

test('one at a time, also within a process', async t => {
  const path = await lockPath(t)
  let inside = 0
  const work = async () => {
    assert.equal(++inside, 1)
    await new Promise(setImmediate)
    inside--
  }
  await Promise.all(Array.from({ length: 10 }, () => withFileLock(path, 60_000, work)))
})

test('it is free again after a failure', async t => {
  const path = await lockPath(t)
  await assert.rejects(
    withFileLock(path, 0, () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.equal(await withFileLock(path, 0, () => Promise.resolve(1)), 1)
})

test('while another process holds it the answer is BUSY, and it is free once that was killed', async t => {
  const path = await lockPath(t)
  const script = join(path, '..', '..', 'hold.ts')
  await writeFile(
    script,
    `import { withFileLock } from ${JSON.stringify(import.meta.resolve('./file-lock.ts'))}
     await withFileLock(process.argv[2], 0, () => { console.log('held'); return new Promise(() => setInterval(() => {}, 1000)) })`,
  )
  const holder = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  await assert.rejects(
    withFileLock(path, 0, () => Promise.resolve()),
    { code: 'BUSY' },
  )
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  assert.equal(await withFileLock(path, 0, () => Promise.resolve(1)), 1)
})
