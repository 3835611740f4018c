import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { partOf, payload, repositoryConformance } from '../../../../test/conformance/repository.ts'
import { collectBytes, hasCode, manifestOf, nameOf, type TestRepository, testRepository } from '../../../../test/helpers/repository.ts'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import type { StoredObject } from '../../../ports/store.ts'
import { createDirectoryRepository, type DirectoryOptions } from './index.ts'
import type { FaultPoint } from './layout.ts'

const base = temporaryFolder()
const signal = new AbortController().signal
let count = 0
const make = (options: Partial<DirectoryOptions> = {}) => testRepository(join(base, `r${++count}`), options)

repositoryConformance('directory', async () => (await make()).repository)

describe('repository directory', () => {
  const objectFile = (target: TestRepository, { name }: StoredObject) => join(target.folder, 'objects', name.slice(0, 2), `${name}.zst.age`)
  const manifestFile = (target: TestRepository, id: string) => join(target.folder, 'snapshots', 'shop', 'production', `${id}.json`)
  async function snapshot(target: TestRepository, id: string): Promise<StoredObject> {
    await target.repository.begin(id)
    const object = await target.repository.sink(id).write('tar', payload('content of ', id))
    await target.repository.commit(id, manifestOf(id, [partOf([object])]))
    return object
  }

  test('an object is what age and zstd make of it', async () => {
    const target = await make()
    const object = await snapshot(target, 's')
    const argv = ['-c', 'age -d -i "$1" "$2" | zstd -d', 'sh', target.keyFile, objectFile(target, object)]
    assert.equal(execFileSync('sh', argv).toString(), 'content of s')
    const sha = execFileSync('sha256sum', [objectFile(target, object)])
      .toString()
      .slice(0, 64)
    assert.equal(object.sha256, sha)
    assert.match(readFileSync(join(target.folder, 'README.txt'), 'utf8'), /age -d -i/)
  })

  test('nothing in it can be read by others, and nothing of the content without the key', async () => {
    const target = await make()
    const object = await snapshot(target, 's')
    assert.equal(statSync(objectFile(target, object)).mode & 0o077, 0)
    assert.equal(statSync(manifestFile(target, 's')).mode & 0o077, 0)
    assert.ok(!readFileSync(objectFile(target, object)).includes('content of'))
  })

  test('a file in its place is named, not taken for an empty repository', async () => {
    const target = await make()
    const file = join(target.folder, 'README.txt')
    await target.repository.open()
    for (const folder of [file, join(file, 'below')]) {
      const repository = createDirectoryRepository({ folder, recipients: [target.recipient] })
      const refused = { code: 'REFUSED', message: new RegExp(`^the repository ${folder} can not be opened: a file`), hint: /directory: / }
      const looks = [() => repository.open(), () => repository.id(), () => repository.list('shop', 'production')]
      for (const look of looks) await assert.rejects(look, refused)
    }
  })

  test('taking needs no key, reading back does', async () => {
    const target = await make()
    const keyless = createDirectoryRepository({ folder: target.folder, recipients: [target.recipient] })
    await keyless.begin('op')
    const object = await keyless.sink('op').write('tar', payload('x'))
    await keyless.commit('op', manifestOf('s', [partOf([object])]))
    await keyless.verify(await keyless.get(nameOf('s')), signal)
    await assert.rejects(collectBytes(keyless.source().read(object)), hasCode('SECRET_LOCKED'))
    const stranger = await make()
    const wrong = createDirectoryRepository({ folder: target.folder, recipients: [], identity: async () => stranger.identity })
    await assert.rejects(collectBytes(wrong.source().read(object)), hasCode('SECRET_LOCKED'))
  })

  test('what is sealed for another key than that of today is not referred to again', async () => {
    const target = await make()
    await target.repository.begin('op')
    const object = await target.repository.sink('op').write('tar', payload('x'))
    await target.repository.commit('op', manifestOf('s', [partOf([object])], { recipients: [target.recipient] }))
    const { recipient } = await make()
    const on = (recipients: string[]) => createDirectoryRepository({ folder: target.folder, recipients })
    assert.equal(await on([target.recipient]).isReusable(partOf([object])), true)
    assert.equal(await on([recipient]).isReusable(partOf([object])), false)
    assert.equal(await on([target.recipient, recipient]).isReusable(partOf([object])), false)
  })

  test("what is sealed for keys of others only is listed apart; what does not say for whom, as one's own", async () => {
    const target = await make()
    const recipients = { old: undefined, own: [target.recipient], shared: ['age1other', target.recipient], foreign: ['age1other'] }
    for (const [id, keys] of Object.entries(recipients)) {
      await target.repository.begin(id)
      await target.repository.commit(id, manifestOf(id, [], keys === undefined ? {} : { recipients: keys }))
    }
    const ownAmong = async (keys: string[]) => keys.filter(key => key === target.recipient)
    const repository = createDirectoryRepository({ folder: target.folder, recipients: [], ownAmong })
    const ids = (manifests: { id: string }[]) => manifests.map(({ id }) => id).sort()
    const { own, foreign } = await repository.list('shop', 'production')
    assert.deepEqual(ids(own), ['old', 'own', 'shared'])
    assert.deepEqual(ids(foreign), ['foreign'])
    assert.equal((await repository.get(nameOf('foreign'))).id, 'foreign')
  })

  const damages: Record<string, (path: string) => void> = {
    'is missing': path => rmSync(path),
    'is empty': path => truncateSync(path),
    'is truncated': path => truncateSync(path, statSync(path).size - 1),
    'has more than it had': path => appendFileSync(path, 'x'),
    'has another bit in its header': path => flip(path, 30),
    'has another bit at its end': path => flip(path, statSync(path).size - 1),
  }
  for (const [what, damage] of Object.entries(damages)) {
    test(`an object that ${what} is DAMAGED for verify and for load, and is not referred to again`, async () => {
      const target = await make()
      const object = await snapshot(target, 's')
      const other = await snapshot(target, 'other')
      damage(objectFile(target, object))
      const named = (error: unknown) => hasCode('DAMAGED')(error) && (error as Error).message.includes(object.name)
      await assert.rejects(target.repository.verify(await target.repository.get(nameOf('s')), signal), named)
      await assert.rejects(collectBytes(target.repository.source().read(object)), named)
      assert.equal(await target.repository.isReusable(partOf([object])), false)
      await target.repository.verify(await target.repository.get(nameOf('other')), signal)
      assert.equal(await target.repository.isReusable(partOf([other])), true)
    })
  }

  const edits: Record<string, (text: string) => string> = {
    'a changed number': text => text.replace('"skewMs": 0', '"skewMs": 1'),
    'an added key': text => text.replace('"skewMs": 0', '"skewMs": 0, "extra": 1'),
    'a missing key': text => text.replace('"skewMs": 0,', ''),
    'half of it': text => text.slice(0, text.length / 2),
    nothing: () => '',
  }
  for (const [what, edit] of Object.entries(edits)) {
    test(`a manifest with ${what} in it is reported, hides no other, and stops all forgetting`, async () => {
      const target = await make()
      await snapshot(target, 'bad')
      const good = await snapshot(target, 'good')
      const path = manifestFile(target, 'bad')
      writeFileSync(path, edit(readFileSync(path, 'utf8')))
      const { own, unreadable } = await target.repository.list('shop', 'production')
      assert.deepEqual(
        unreadable.map(one => [one.id, one.path]),
        [['bad', path]],
      )
      assert.deepEqual(
        own.map(manifest => manifest.id),
        ['good'],
      )
      assert.deepEqual(await target.repository.list('shop', 'staging'), { own: [], foreign: [], unreadable: [] })
      await assert.rejects(target.repository.get(nameOf('bad')), hasCode('DAMAGED'))
      await assert.rejects(target.repository.forget([nameOf('good')]), hasCode('DAMAGED'))
      await target.repository.verify(await target.repository.get(nameOf('good')), signal)
      assert.ok(existsSync(objectFile(target, good)))
    })
  }

  test('a manifest of a newer format is said to be one', async () => {
    const target = await make()
    await snapshot(target, 's')
    const path = manifestFile(target, 's')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"format": 1', '"format": 2'))
    await assert.rejects(target.repository.get(nameOf('s')), hasCode('VERSION'))
  })

  const points: FaultPoint[] = ['object-written', 'object-renamed', 'manifest-written', 'manifest-renamed']
  for (const point of points) {
    test(`stopped at ${point}: the snapshot is either there or not, and a second attempt ends well`, async () => {
      const target = await make()
      const stopped = createDirectoryRepository({
        folder: target.folder,
        recipients: [target.recipient],
        fault: reached => {
          if (reached === point) throw new Error('stopped here')
        },
      })
      await stopped.begin('op')
      const attempt = async (repository: typeof stopped) => {
        const object = await repository.sink('op').write('tar', payload('x'))
        await repository.commit('op', manifestOf('s', [partOf([object])]))
      }
      await assert.rejects(attempt(stopped), /stopped here/)
      const there = (await target.repository.list('shop', 'production')).own.length
      assert.equal(there, point === 'manifest-renamed' ? 1 : 0)
      assert.deepEqual(await target.repository.pending(), point === 'manifest-renamed' ? [] : ['op'])
      await target.repository.abandon('op')
      if (there === 0) {
        await target.repository.begin('op')
        await attempt(target.repository)
      }
      await target.repository.verify(await target.repository.get(nameOf('s')), signal)
      assert.deepEqual(leftovers(target), [])
    })
  }

  test('a producer that pauses when all it gave is written finds the sealing thread still there', async () => {
    const target = await make()
    await target.repository.begin('op')
    const all = randomBytes(20_000_000)
    const isWritten = () => {
      const files = readdirSync(join(target.folder, 'objects'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.tmp'))
      return files.some(name => statSync(join(target.folder, 'objects', name)).size > 8 << 20)
    }
    async function* pausing(): AsyncGenerator<Buffer> {
      yield all.subarray(0, 9_000_000)
      while (!isWritten()) await setTimeout(20)
      // A thread that nothing keeps alive ends within a turn of its event loop.
      await setTimeout(200)
      yield all.subarray(9_000_000)
    }
    const object = await target.repository.sink('op').write('tar', pausing())
    assert.ok((await collectBytes(target.repository.source().read(object))).equals(all))
  })

  test('a full disk is DISK_FULL, shows nothing, and gives back its space when the transaction is abandoned', async t => {
    const mount = join(base, 'small-disk')
    mkdirSync(mount)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', mount]).status !== 0) return t.skip('only root may mount a small disk')
    try {
      const target = await testRepository(join(base, 'on-full-disk'), { folder: join(mount, 'r') })
      const free = () => Number(execFileSync('stat', ['-f', '-c', '%a', mount]).toString())
      const before = free()
      for (const size of [5, 40]) {
        await target.repository.begin('op')
        const sizes = [size << 20, size << 20]
        const writes = sizes.map(bytes => target.repository.sink('op').write('tar', payload(randomBytes(bytes))))
        const results = await Promise.allSettled(writes)
        assert.ok(results.some(result => result.status === 'rejected' && hasCode('DISK_FULL')(result.reason)))
        assert.deepEqual((await target.repository.list('shop', 'production')).own, [])
        await target.repository.abandon('op')
        assert.ok(before - free() < 8)
      }
    } finally {
      execFileSync('umount', [mount])
    }
  })

  test('another user of the repository keeps its open transaction of the same name', async () => {
    const target = await make({ owner: 'one' })
    const other = createDirectoryRepository({ folder: target.folder, recipients: [target.recipient], owner: 'two' })
    await target.repository.begin('op7')
    await other.begin('op7')
    const object = await other.sink('op7').write('tar', payload('x'))
    assert.deepEqual(await target.repository.pending(), ['op7'])
    await target.repository.abandon('op7')
    await target.repository.forget([])
    await other.commit('op7', manifestOf('s', [partOf([object])]))
    await target.repository.verify(await target.repository.get(nameOf('s')), signal)
  })

  test('a backup that refers to an object while another user forgets its snapshot either keeps it or says so', async () => {
    for (let round = 0; round < 20; round++) {
      const target = await make()
      const other = createDirectoryRepository({ folder: target.folder, recipients: [target.recipient], owner: 'other' })
      const object = await snapshot(target, 'old')
      await other.begin('op')
      const [committed] = await Promise.allSettled([
        other.commit('op', manifestOf('new', [partOf([object])])),
        target.repository.forget([nameOf('old')]),
      ])
      const [listed] = (await target.repository.list('shop', 'production')).own
      assert.equal(listed !== undefined, committed.status === 'fulfilled')
      if (listed !== undefined) await target.repository.verify(listed, signal)
    }
  })

  test('what a crash left aside while forgetting is put back when a snapshot needs it, else removed', async () => {
    const target = await make()
    const needed = await snapshot(target, 's')
    const trash = join(target.folder, 'trash')
    mkdirSync(trash)
    execFileSync('mv', [objectFile(target, needed), trash])
    writeFileSync(join(trash, `${'a'.repeat(32)}.zst.age`), 'unneeded')
    await target.repository.forget([])
    await target.repository.verify(await target.repository.get(nameOf('s')), signal)
    assert.deepEqual(readdirSync(trash), [])
  })
})

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(path, bytes)
}

/** Files that belong to no snapshot. */
function leftovers(target: TestRepository): string[] {
  const files = readdirSync(target.folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  return files.map(entry => entry.name).filter(name => name.endsWith('.tmp') || !/\.zst\.age$|\.json$|README/.test(name))
}
