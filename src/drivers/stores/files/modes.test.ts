/** Modes that keep out whoever is not root. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { memoryPlace } from '../../../../test/helpers/memory-place.ts'
import { asOtherUser, asRoot } from '../../../../test/helpers/other-user.ts'
import { dumpOptions, hasCode, testRepository } from '../../../../test/helpers/repository.ts'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { compareFingerprints } from '../../../core/fingerprint.ts'
import type { SnapshotPart } from '../../../ports/store.ts'
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

  test('a delta is restored by hand where folders may not be written, by whoever is not root', asRoot, async () => {
    const target = await testRepository(join(base, 'by-hand'))
    const live = folder()
    const locked = ['read-only', 'read-only/new\nline \\n é', 'gone', 'gone/deep', 'closed'].map(name => join(live, name))
    for (const path of locked) mkdirSync(path)
    for (const path of locked) for (const name of ['kept', 'gone']) writeFileSync(join(path, name), name)
    writeFileSync(join(live, 'ballast'), Buffer.alloc(300_000))
    const outside = join(base, 'by-hand', 'outside')
    mkdirSync(outside, 0o500)
    symlinkSync(outside, join(live, 'link'))
    const lock = (...paths: string[]) => paths.forEach(path => void chmodSync(path, path.endsWith('closed') ? 0 : 0o555))
    lock(...locked, live)
    const cache = folder()
    const dump = async (operation: string, previous?: SnapshotPart) => {
      await target.repository.begin(operation)
      return filesStore.dump(live, config, target.repository.sink(operation), { ...options(), cache, ...(previous && { previous }) })
    }
    const first = await dump('op1')
    rmSync(join(live, 'gone'), { recursive: true })
    for (const path of locked.filter(existsSync)) rmSync(join(path, 'gone'))
    for (const path of locked.filter(existsSync)) writeFileSync(join(path, 'added'), 'added')
    rmSync(join(live, 'link'))
    mkdirSync(join(live, 'link'))
    lock(join(live, 'link'))
    const second = await dump('op2', first)
    assert.equal(second.objects.length, 2)
    const restored = join(target.folder, 'restored')
    mkdirSync(restored)
    execFileSync('chown', ['-R', '65534:65534', join(base, 'by-hand')])
    for (const command of target.repository.howToRestore([second]))
      execFileSync('sh', ['-e', '-c', command], {
        cwd: target.folder,
        uid: 65534,
        gid: 65534,
        env: { ...process.env, KEY: target.keyFile, LC_ALL: 'C' },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
    assert.deepEqual(
      compareFingerprints(second.fingerprint, await filesStore.fingerprint(join(restored, second.store), config, signal)),
      [],
    )
    assert.equal(statSync(outside).mode & 0o777, 0o500)
  })

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
