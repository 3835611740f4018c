/** Modes that keep out whoever is not root. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { memoryPlace } from '../../../../test/helpers/memory-place.ts'
import { asOtherUser, asRoot } from '../../../../test/helpers/other-user.ts'
import { dumpOptions, hasCode } from '../../../../test/helpers/repository.ts'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { compareFingerprints } from '../../../core/fingerprint.ts'
import { filesStore } from './index.ts'

const config = { files: '.' }
const signal = new AbortController().signal

describe('a store of somebody who is not root', () => {
  const base = temporaryFolder()
  chmodSync(base, 0o777)
  const options = () => dumpOptions(join(base, 'scratch'))
  const folder = () => mkdtempSync(join(base, 'place'))

  test('folders that may not be written come back as they were, also from a delta', asRoot, () =>
    asOtherUser(async () => {
      const live = folder()
      writeFileSync(join(live, 'ballast'), Buffer.alloc(300_000))
      const locked = join(live, 'read-only', 'deep')
      mkdirSync(locked, { recursive: true })
      for (const name of ['kept', 'gone']) writeFileSync(join(locked, name), name)
      const lock = (mode: number) => [join(locked, '..'), locked].forEach(path => void chmodSync(path, mode))
      lock(0o555)
      const place = memoryPlace()
      const cache = folder()
      const first = await filesStore.dump(live, config, place, { ...options(), cache })
      lock(0o755)
      writeFileSync(join(locked, 'added'), 'added')
      utimesSync(join(locked, 'kept'), 7, 7)
      lock(0o555)
      const second = await filesStore.dump(live, config, place, { ...options(), cache, previous: first })
      assert.equal(second.objects.length, 2)
      for (const part of [first, second]) {
        const restored = folder()
        await filesStore.load(part, place, restored, config, { durable: true, signal })
        assert.deepEqual(compareFingerprints(part.fingerprint, await filesStore.fingerprint(restored, config, signal)), [])
        assert.equal(statSync(join(restored, 'read-only', 'deep')).mode & 0o777, 0o555)
      }
    }),
  )

  for (const [what, mode] of Object.entries({ file: 0o600, folder: 0o700 })) {
    test(`a ${what} that may not be read is REFUSED by its name, not left out`, asRoot, () =>
      asOtherUser(async () => {
        const live = folder()
        const closed = join(live, 'closed')
        if (what === 'file') writeFileSync(closed, 'x')
        else mkdirSync(closed)
        chmodSync(closed, 0)
        const dump = filesStore.dump(live, config, memoryPlace(), options())
        await assert.rejects(dump, error => hasCode('REFUSED')(error) && (error as Error).message.startsWith(closed))
        chmodSync(closed, mode)
      }),
    )
  }
})
