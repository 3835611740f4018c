import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Figures } from '../../src/demo/figures.ts'

const main = join(import.meta.dirname, '../../src/main.ts')

/** The demo as a process of its own, with a folder for its temporary ones. */
async function startDemo(t: TestContext, argv: string[]): Promise<{ child: ChildProcess; folder: string; stdout: Promise<string> }> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-e2e-'))
  const child = spawn(process.execPath, [main, 'demo', ...argv], {
    env: { ...process.env, TMPDIR: folder, LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  return { child, folder, stdout: text(child.stdout) }
}

/** Processes that were started for something in the folder: it stands in their arguments or their environment. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name) && name !== String(process.pid))
  const found: string[] = []
  for (const pid of pids) {
    const [argv, env] = await Promise.all(['cmdline', 'environ'].map(name => readFile(join('/proc', pid, name), 'latin1').catch(() => '')))
    if (`${argv}${env}`.includes(folder)) found.push(`${pid} ${argv?.replaceAll('\0', ' ')}`)
  }
  return found
}

test('[rocketchat-14] the demo keeps every promise that it makes, and leaves nothing behind', async t => {
  const { child, folder, stdout } = await startDemo(t, ['--json'])
  const [[code], output] = await Promise.all([once(child, 'exit'), stdout])
  const figures: Figures & { broken: string[] } = JSON.parse(output)
  const { requests, deploy, upgrade, refused, returned, backup, drill, restore, rollback } = figures

  assert.deepEqual(figures.broken, [])
  assert.equal(code, 0)
  for (const { lost, sent } of [requests, upgrade.clients, returned.clients, restore.clients, rollback.clients]) {
    assert.equal(lost, 0)
    assert.ok(sent > 0)
  }
  assert.deepEqual([upgrade.version, upgrade.trial], ['2.0.0', 'pass'])
  assert.equal(returned.version, '2.0.0')
  assert.ok(returned.clients.errors > 0)
  assert.ok(backup.rows > 0)
  assert.ok(drill.compared >= backup.rows)
  assert.ok(restore.acknowledged > 3)
  assert.equal(restore.rowsLost, 0)
  assert.equal(rollback.version, '1.0.0')
  // Where the kernel refuses a sandbox, that is said, and what needs one is not played.
  if (deploy.noSandbox === undefined) assertRehearsed(figures)
  else assert.deepEqual([refused, drill.rung], [undefined, 'content-equal'])

  assert.deepEqual(await readdir(folder), [])
  assert.deepEqual(await processesOf(folder), [])
})

function assertRehearsed({ upgrade, refused, drill }: Figures): void {
  assert.ok(upgrade.rowsRehearsed > 0)
  assert.equal(upgrade.reversible, 'proved')
  assert.deepEqual([refused?.version, refused?.step, refused?.clients.lost], ['2.0.0', 'rehearse-migrate', 0])
  assert.match(refused?.reason ?? '', /UNIQUE constraint failed/)
  assert.equal(drill.rung, 'booted')
}

test('interrupted in the middle of a deploy, the demo ends what it began and leaves nothing behind', async t => {
  const { child, folder, stdout } = await startDemo(t, [])
  const hasBegunToBuild = async () => {
    const [place] = await readdir(folder)
    return place !== undefined && existsSync(join(folder, place, 'home/apps/guestbook/production/artifacts'))
  }
  while (child.exitCode === null && !(await hasBegunToBuild())) await delay(10)
  child.kill('SIGINT')
  const [[code]] = await Promise.all([once(child, 'exit'), stdout])
  assert.equal(code, 130)
  assert.deepEqual(await readdir(folder), [])
  assert.deepEqual(await processesOf(folder), [])
})
