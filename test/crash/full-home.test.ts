import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertSound, openSite } from './scenario.ts'
import { mountDisk, needsRoot } from './small-disk.ts'

const skip = needsRoot()
const site = await openSite({}, async home => {
  if (skip === false) await mountDisk(home, 200)
})

test('a deploy that fills the disk of everything is undone, and what is there works on once there is room', { skip }, async () => {
  // What serves lies on the same disk: its writes fail too, and are not acknowledged.
  site.load.mayBreak = true
  site.spec.build = 'cat /dev/zero >big'
  await site.nextSource()
  const begun = await site.client.call('start', { request: { kind: 'deploy', file: site.file } })
  await site.settled()
  const { state, error } = await site.client.call('operation', { id: begun.id })
  assert.equal(state, 'undone', error?.message)
  // Who meets the full disk first is chance: the command, or fettle when it starts the command.
  assert.match(error?.code ?? '', /^(COMMAND_FAILED|DISK_FULL)$/)
  assert.match(error?.message ?? '', /no space left/i)
  await site.load.untilAnswered()
  await assertSound(site)
  site.spec.build = 'cp version.json built.json'
  site.load.declared.add(await site.nextSource())
  await site.mustDo({ kind: 'deploy', file: site.file })
  await assertSound(site)
})
