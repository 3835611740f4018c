import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertSound, eventually, openSite } from './scenario.ts'
import { fill, mountDisk, needsRoot } from './small-disk.ts'

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

test('on a disk that is full already a deploy ends with that word, as often as it is tried, and works once there is room', {
  skip,
}, async () => {
  site.load.mayBreak = true
  const free = await fill(site.home)
  for (let attempt = 1; attempt <= 3; attempt++) {
    await site.nextSource().catch(() => {})
    const begun = await site.client.call('start', { request: { kind: 'deploy', file: site.file } }).catch(error => ({ error }))
    await site.settled()
    const { error } = 'id' in begun ? await site.client.call('operation', { id: begun.id }) : begun
    assert.equal(error?.code, 'DISK_FULL', error?.message)
  }
  await free()
  await site.load.untilAnswered()
  await assertSound(site)
  site.load.declared.add(await site.nextSource())
  await site.mustDo({ kind: 'deploy', file: site.file })
  await assertSound(site)
})

test('on a disk that is full a drill and a restore end with that word, and the journal is not left waiting for room', {
  skip,
}, async () => {
  site.load.mayBreak = true
  await site.mustDo({ kind: 'backup', file: site.file })
  const free = await fill(site.home)
  for (const request of [
    { kind: 'drill', file: site.file, snapshot: 'newest' },
    { kind: 'restore', file: site.file, snapshot: 'newest' },
    { kind: 'restore', file: site.file, snapshot: 'newest', to: `${site.home}/beside` },
  ] as const) {
    const begun = await site.client.call('start', { request }).catch(error => ({ error }))
    await site.settled()
    const { error } = 'id' in begun ? await site.client.call('operation', { id: begun.id }) : begun
    assert.equal(error?.code, 'DISK_FULL', `${request.kind}: ${error?.message}`)
  }
  await free()
  await site.load.untilAnswered()
  await assertSound(site)
})

test('an agent that starts on a full disk serves what served, and deploys once there is room', { skip }, async () => {
  const free = await fill(site.home)
  await site.stopAgent('SIGKILL')
  await site.startAgent()
  await eventually(async () => [(await site.status())?.state ?? ''].filter(state => state !== 'up'))
  await free()
  await site.load.untilAnswered()
  await assertSound(site)
  site.load.declared.add(await site.nextSource())
  await site.mustDo({ kind: 'deploy', file: site.file })
  await assertSound(site)
})

test('an agent that was killed with a backup starts on a disk that filled meanwhile: what of a log has no room is dropped, and it says so', {
  skip,
}, async () => {
  await site.arm('backup/ended')
  await site.begin({ kind: 'backup', file: site.file })
  await site.agentDied()
  assert.ok(site.agentWasKilled)
  const free = await fill(site.home)
  const before = site.log.length
  await site.startAgent()
  assert.match(site.log.slice(before), /the log of op\d+-snapshot was not kept: the disk is full/)
  await free()
  await site.load.untilAnswered()
  await assertSound(site)
  await site.mustDo({ kind: 'backup', file: site.file })
})
