/** What every store driver must do, whatever it stores. A driver's own test says how its data is made and changed. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { toFettleError } from '../../src/core/errors.ts'
import { compareFingerprints } from '../../src/core/fingerprint.ts'
import type { SnapshotPart, Store } from '../../src/ports/store.ts'
import { dumpOptions, hasCode, manifestOf, type TestRepository, testRepository } from '../helpers/repository.ts'
import { temporaryFolder } from '../helpers/temporary.ts'

export interface StoreCase<Config> {
  store: Store<Config>
  config: Config
  /** Fills a store that was just created: at least three rows or files. */
  fill(path: string): void
  /** Adds two rows or files, and changes one that was there. */
  change(path: string): void
  /** Undoes `change`, as nearly as its users could. */
  changeBack(path: string): void
}

const signal = new AbortController().signal

export function storeConformance<Config>(name: string, testCase: StoreCase<Config>): void {
  describe(`store ${name}`, async () => {
    const base = temporaryFolder()
    const { store, config } = testCase
    let count = 0
    const place = () => {
      const folder = join(base, `place${++count}`)
      mkdirSync(folder)
      return folder
    }
    async function filled(): Promise<string> {
      const folder = place()
      await store.create(folder, config)
      testCase.fill(store.path(folder, config))
      return folder
    }
    const target = await testRepository(join(base, 'repository'))
    const scratch = join(base, 'scratch')

    async function dump(folder: string, previous?: SnapshotPart): Promise<SnapshotPart> {
      const operation = `op${++count}`
      await target.repository.begin(operation)
      const part = await store.dump(folder, config, target.repository.sink(operation), {
        ...dumpOptions(scratch),
        cache: join(base, 'cache'),
        ...(previous === undefined ? {} : { previous }),
      })
      await target.repository.commit(operation, manifestOf(`s-${operation}`, [part]))
      return part
    }
    async function loaded(part: SnapshotPart, from: TestRepository = target): Promise<string> {
      const folder = place()
      await store.load(part, from.repository.source(), folder, config, { durable: true, signal })
      return folder
    }

    test('an empty store can be created twice, dumped and loaded', async () => {
      const folder = place()
      await store.create(folder, config)
      await store.create(folder, config)
      const part = await dump(folder)
      assert.deepEqual(part.fingerprint.items, {})
      assert.deepEqual((await store.fingerprint(await loaded(part), config, signal)).items, {})
    })

    test('what is loaded has the fingerprint of what was dumped, and so has the live store', async () => {
      const folder = await filled()
      const part = await dump(folder)
      assert.ok(Object.values(part.fingerprint.items).some(item => item.rows > 0))
      assert.deepEqual(compareFingerprints(part.fingerprint, await store.fingerprint(await loaded(part), config, signal)), [])
      assert.deepEqual(compareFingerprints(part.fingerprint, await store.fingerprint(folder, config, signal)), [])
    })

    test('a change is seen, and changing back is no difference', async () => {
      const folder = await filled()
      const part = await dump(folder)
      testCase.change(store.path(folder, config))
      assert.notDeepEqual(compareFingerprints(part.fingerprint, await store.fingerprint(folder, config, signal)), [])
      testCase.changeBack(store.path(folder, config))
      assert.deepEqual(compareFingerprints(part.fingerprint, await store.fingerprint(folder, config, signal)), [])
    })

    test('an unchanged store is referred to: nothing is written', async () => {
      const folder = await filled()
      const first = await dump(folder)
      const second = await dump(folder, first)
      assert.equal(second.reused, true)
      assert.deepEqual(second.objects, first.objects)
      assert.deepEqual(second.fingerprint, first.fingerprint)
    })

    test('a changed store, dumped on top of the one before, loads as it is now', async () => {
      const folder = await filled()
      const first = await dump(folder)
      testCase.change(store.path(folder, config))
      const second = await dump(folder, first)
      const live = await store.fingerprint(folder, config, signal)
      assert.deepEqual(compareFingerprints(second.fingerprint, live), [])
      assert.deepEqual(compareFingerprints(live, await store.fingerprint(await loaded(second), config, signal)), [])
      assert.notDeepEqual(compareFingerprints(first.fingerprint, live), [])
    })

    test('going back is said to lose exactly what was added or changed since', async () => {
      const folder = await filled()
      const part = await dump(folder)
      const lost = () => store.changedSince(part, target.repository.source(), folder, config, { scratch, signal })
      assert.deepEqual(await lost(), { items: {}, precision: 'exact' })
      testCase.change(store.path(folder, config))
      const { items } = await lost()
      assert.equal(
        Object.values(items).reduce((sum, rows) => sum + rows, 0),
        3,
      )
    })

    test('where the live store is gone, going back loses nothing', async () => {
      const part = await dump(await filled())
      const loss = await store.changedSince(part, target.repository.source(), join(base, 'gone'), config, { scratch, signal })
      assert.deepEqual(loss, { items: {}, precision: 'exact' })
    })

    test('the moment is told once', async () => {
      const folder = await filled()
      const operation = `op${++count}`
      await target.repository.begin(operation)
      let calls = 0
      const viewed = () => {
        calls++
        return 42
      }
      const part = await store.dump(folder, config, target.repository.sink(operation), dumpOptions(scratch, { viewed }))
      assert.equal(calls, 1)
      assert.equal(part.takenAt, 42)
      await target.repository.abandon(operation)
    })

    test('a store that is not there is NOT_FOUND, never an empty backup', async () => {
      const folder = join(base, 'nowhere')
      await target.repository.begin('none')
      await assert.rejects(store.dump(folder, config, target.repository.sink('none'), dumpOptions(scratch)), hasCode('NOT_FOUND'))
      await assert.rejects(store.fingerprint(folder, config, signal), hasCode('NOT_FOUND'))
      await target.repository.abandon('none')
      assert.ok(!existsSync(folder))
    })

    test('nothing is loaded over what is there', async () => {
      const folder = await filled()
      const part = await dump(folder)
      await assert.rejects(store.load(part, target.repository.source(), folder, config, { durable: true, signal }), hasCode('CONFLICT'))
    })

    test('an object of another kind is DAMAGED', async () => {
      const part = await dump(await filled())
      const objects = part.objects.map(object => ({ ...object, content: 'something' }))
      await assert.rejects(loaded({ ...part, objects }), hasCode('DAMAGED'))
    })

    test('an aborted dump stops', async () => {
      const folder = await filled()
      await target.repository.begin('aborted')
      const options = dumpOptions(scratch, { signal: AbortSignal.abort() })
      await assert.rejects(
        store.dump(folder, config, target.repository.sink('aborted'), options),
        error => toFettleError(error).code === 'CANCELLED',
      )
      await target.repository.abandon('aborted')
    })

    test('an absolute path lies below a scratch folder, never outside', () => {
      const absolute = Object.fromEntries(Object.keys(config as object).map(key => [key, '/var/lib/other'])) as Config
      assert.equal(store.path('/scratch', absolute), '/scratch/var/lib/other')
      assert.equal(store.path('/', absolute), '/var/lib/other')
    })
  })
}
