import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { partOf } from '../../test/conformance/repository.ts'
import { testRepository } from '../../test/helpers/repository.ts'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import { toFettleError } from '../core/errors.ts'
import { stores } from '../drivers/registry.ts'
import { systemClock } from '../lib/clock.ts'
import type { Store } from '../ports/store.ts'
import { load } from './load.ts'

const base = temporaryFolder()
const files = stores.get('files') as Store

async function loadFailing(code: string) {
  const { repository } = await testRepository(join(base, code))
  const failing: Store = { ...files, load: () => Promise.reject(Object.assign(new Error(`${code}: open 'a'`), { code })) }
  const progress = { stage() {}, add() {} }
  const world = { stores: new Map([['files', failing]]), clock: systemClock, openRepository: async () => repository, progress }
  const at = { name: 'data', driver: 'files', config: { files: '.' }, folder: join(base, code, 'to') }
  const place = { driver: 'directory', folder: '', recipients: [] }
  const task = { task: 'snapshot.load' as const, result: '', scratch: '', repository: place, parts: [partOf([])], stores: [at] }
  return load(world, { ...task, durable: false }, AbortSignal.timeout(10_000)).then(
    () => undefined,
    error => toFettleError(error).code,
  )
}

test('content that gets in its own way is different from what was backed up; a machine that has no room or right says nothing of it', async () => {
  assert.deepEqual(await Promise.all(['EEXIST', 'EISDIR', 'ENOTDIR'].map(loadFailing)), Array(3).fill('DIFFERENT'))
  assert.deepEqual(await Promise.all(['ENOSPC', 'EACCES', 'EIO'].map(loadFailing)), ['DISK_FULL', 'READ_ONLY', 'INTERNAL'])
})
