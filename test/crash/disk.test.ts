import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { OperationRecord } from '../../src/core/plan.ts'
import { assertSound, openSite } from './scenario.ts'
import type { OperationRequest } from './site.ts'
import { fill, mount, mountDisk, needsRoot, unmount } from './small-disk.ts'

const skip = needsRoot()

const site = await openSite({ repository: '../repository' }, async home => {
  if (skip === false) await mountDisk(join(home, '../repository'), 4)
})

async function ends(request: OperationRequest): Promise<OperationRecord> {
  const begun = await site.begin(request)
  await site.settled()
  return site.client.call('operation', { id: begun?.id ?? '' })
}

test('a backup for which the disk has no room says so, leaves nothing, and works once there is room', { skip }, async () => {
  await site.mustDo({ kind: 'backup', file: site.file })
  const free = await fill(site.repository)
  const { state, error } = await ends({ kind: 'backup', file: site.file })
  assert.deepEqual([state, error?.code], ['undone', 'DISK_FULL'])
  await free()
  await assertSound(site)
  await site.mustDo({ kind: 'backup', file: site.file })
  await assertSound(site)
})

test('a backup into a folder that can not be written says so, and works once it can', { skip }, async () => {
  await mount('-o', 'remount,ro', site.repository)
  const { state, error } = await ends({ kind: 'backup', file: site.file })
  assert.deepEqual([state, error?.code], ['undone', 'READ_ONLY'])
  await mount('-o', 'remount,rw', site.repository)
  await assertSound(site)
  await site.mustDo({ kind: 'backup', file: site.file })
  await assertSound(site)
})

test('a source that can not be written is deployed like any other', { skip }, async () => {
  const source = join(site.folder, 'app')
  site.load.declared.add(await site.nextSource())
  await mount('--bind', source, source)
  await mount('-o', 'remount,bind,ro', source)
  try {
    await site.mustDo({ kind: 'deploy', file: site.file })
  } finally {
    await unmount(source)
  }
  await assertSound(site)
})

test('a repository that can not be written gives its data back, and says that the proof is not recorded', { skip }, async () => {
  await mount('-o', 'remount,ro', site.repository)
  try {
    const beside = { kind: 'restore', file: site.file, snapshot: 'newest', to: join(site.folder, 'beside') } as const
    for (const request of [beside, { kind: 'restore', file: site.file, snapshot: 'newest' }] as const) {
      const { steps } = await site.mustDo(request)
      assert.match(steps.find(({ id }) => id === 'load')?.note ?? '', /^the proof of it can not be recorded: EROFS/)
    }
    const { state, error } = await ends({ kind: 'drill', file: site.file })
    assert.deepEqual([state, error?.code], ['undone', 'READ_ONLY'])
    assert.match(error?.message ?? '', /passed its drill \(\w+\), which can not be recorded: EROFS/)
  } finally {
    await mount('-o', 'remount,rw', site.repository)
  }
})
