import assert from 'node:assert/strict'
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { systemClock } from '../../../lib/clock.ts'
import type { Host } from './host.ts'
import { LogStore } from './log-store.ts'
import type { Unit } from './unit.ts'
import { WatchedLog } from './watched-log.ts'

/** The store needs no more of it. `onNow` is called between its look at the file's size and what follows from that. */
function hostOf(messages: string[], onNow = () => {}): Host {
  const clock = { ...systemClock, now: () => [onNow(), Date.now()][1] ?? 0 }
  const logs = { segmentBytes: 100, keepBytes: 1e6, keepMs: 1e9, archiveBytes: 1e6 }
  const host: Partial<Host> = { clock, logs, log: message => messages.push(message) }
  return host as Host
}

describe('a log truncated by hand', { timeout: 30_000 }, () => {
  const folderWithLog = (context: TestContext) => {
    const folder = mkdtempSync(join(tmpdir(), 'fettle-log-'))
    context.after(() => rm(folder, { recursive: true }))
    writeFileSync(join(folder, 'log'), 'before\n'.repeat(100))
    return folder
  }

  test('is told of once more when it has begun anew, for who looked before saw nothing in it', async context => {
    const folder = folderWithLog(context)
    const messages: string[] = []
    /** Its looks at the file may be held up. */
    class SlowStore extends LogStore {
      gate: Promise<void> = Promise.resolve()
      override async grown(): Promise<boolean> {
        await this.gate
        return await super.grown()
      }
    }
    const store = new SlowStore(hostOf(messages), folder, 'web')
    await store.open()
    await store.grown()

    // Once for the event, once for the look that follows it.
    const lookedTwice = Promise.withResolvers<void>()
    const begunAnew = Promise.withResolvers<void>()
    const readable: number[] = []
    const log = new WatchedLog({} as Unit, store, async () => {
      readable.push(await store.readableBytes())
      if (readable.length === 2) lookedTwice.resolve()
      if (readable.at(-1) === 6) begunAnew.resolve()
    })
    log.watch()
    await store.grown()
    store.gate = lookedTwice.promise
    truncateSync(join(folder, 'log'))
    writeFileSync(join(folder, 'log'), 'after\n')
    await begunAnew.promise
    log.close()
    assert.deepEqual(readable, [0, 0, 6])
    assert.deepEqual(messages, [])
  })

  test('just when it is to be rotated keeps nobody busy', async context => {
    const folder = folderWithLog(context)
    const messages: string[] = []
    let truncate = () => {}
    const store = new LogStore(
      hostOf(messages, () => truncate()),
      folder,
      'web',
    )
    await store.open()
    truncate = () => truncateSync(join(folder, 'log'))
    assert.equal(await store.grown(), false)
    assert.equal(await store.readableBytes(), 0)
    assert.deepEqual(store.times().from, 0)
    assert.deepEqual(messages, [])
  })
})
