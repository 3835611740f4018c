import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { signalProcess } from '../../src/drivers/runtimes/process/unit-stop.ts'
import { readBootId } from '../../src/lib/proc-files.ts'
import { processesOf } from './leftovers.ts'
import { assertSound, openSite } from './scenario.ts'

const site = await openSite()
site.load.mayBreak = true

/** All processes die at once, and what they wrote of the boot is of another one. */
async function reboot(): Promise<void> {
  for (let left = processesOf(site.home); left.length > 0; left = processesOf(site.home)) {
    for (const { pid } of left) signalProcess(pid, 'SIGKILL')
  }
  const boot = readBootId()
  const earlier = '00000000-0000-0000-0000-000000000000'
  for (const entry of readdirSync(site.paths.units, { recursive: true, withFileTypes: true })) {
    if (entry.name !== 'spec.json' && entry.name !== 'state') continue
    const path = join(entry.parentPath, entry.name)
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(boot, earlier))
  }
  await site.startAgent()
}

test('after a reboot every service is back without a command', async () => {
  await reboot()
  await site.load.untilAnswered()
  await assertSound(site)
})

for (const point of [
  'runtime/run:spawned',
  'deploy/rehearse-boot:ready',
  'deploy/migrate:before',
  'deploy/handover-beat:old-stopped',
  'deploy/switch:after',
]) {
  test(`a deploy that a reboot ends at ${point} is finished or undone`, async () => {
    const version = await site.nextSource()
    site.load.declared.add(version)
    await site.arm(point)
    await site.begin({ kind: 'deploy', file: site.file })
    await site.agentDied()
    await site.arm('')
    await reboot()
    await site.settled()
    const [newest] = (await site.operations()).filter(({ plan }) => plan.kind === 'deploy')
    assert.match(String(newest?.state), /^(done|undone)$/, newest?.error?.message)
    await site.load.untilAnswered()
    await site.refresh()
    await assertSound(site)
  })
}

for (const point of ['rehearse-migrate:first', 'rehearse-boot:ready', 'rehearse-old:before', 'rehearse-old:ready']) {
  test(`a rehearsal that a reboot ends at ${point} says that it was interrupted, and nothing of a release`, async () => {
    await site.nextSource()
    await site.arm(`deploy/${point}`)
    await site.begin({ kind: 'deploy', file: site.file })
    await site.agentDied()
    await site.arm('')
    await reboot()
    await site.settled()
    const [newest] = await site.operations()
    assert.deepEqual([newest?.state, newest?.error?.code], ['undone', 'LOST'], newest?.error?.message)
    assert.match(newest?.error?.message ?? '', /^the rehearsal was interrupted: its sandbox is gone/)
    await site.load.untilAnswered()
    await assertSound(site)
  })
}

test('a restore that a reboot ends while requests wait is finished or undone', async () => {
  await site.mustDo({ kind: 'backup', file: site.file })
  await site.arm('restore/stop-old:after')
  await site.begin({ kind: 'restore', file: site.file, snapshot: 'newest' })
  await site.agentDied()
  await site.arm('')
  await reboot()
  await site.settled()
  const [newest] = await site.operations()
  assert.match(String(newest?.state), /^(done|undone)$/, newest?.error?.message)
  await site.load.untilAnswered()
  site.load.forget()
  await assertSound(site)
})
