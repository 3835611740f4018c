import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'
import { assertSound, openSite } from './scenario.ts'

const site = await openSite()

async function loseJournal(): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(`${site.paths.journal}${suffix}`, { force: true })
}

test('without its journal the agent tells what serves from what is there, and deploys', async () => {
  await site.stopAgent('SIGTERM')
  await loseJournal()
  await site.startAgent()
  await assertSound(site)
  site.load.declared.add(await site.nextSource())
  await site.mustDo({ kind: 'deploy', file: site.file })
  await assertSound(site)
})

for (const [kind, point] of [
  ['deploy', 'deploy/rehearse-boot:ready'],
  ['deploy', 'deploy/handover-beat:old-stopped'],
  ['restore', 'restore/stop-old:after'],
] as const) {
  test(`when the journal is lost in the middle of a ${kind}, at ${point}, what served serves on and what was begun is removed`, async () => {
    await site.nextSource()
    await site.arm(point)
    await site.begin(kind === 'deploy' ? { kind, file: site.file } : { kind, file: site.file, snapshot: 'newest' })
    await site.agentDied()
    await loseJournal()
    await site.arm('')
    await site.startAgent()
    assert.deepEqual(await site.operations(), [])
    site.load.declared.add(await site.nextSource())
    await site.mustDo({ kind: 'deploy', file: site.file })
    await assertSound(site)
  })
}
