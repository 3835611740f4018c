/**
 * One process at a time. The lock is SQLite's on an empty database: the kernel holds it (Node has no flock), so that it ends with
 * its owner however that dies, and no stale lock is ever judged by a pid.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { FettleError } from '../core/errors.ts'

const SQLITE_BUSY = 5
const RETRY_MS = 20

/** Keeps what is held reachable: `work` may wait for something that only the kernel refers to, and a collected database drops its lock. */
const held = new Set<DatabaseSync>()

/**
 * Runs `work` while holding the lock of this file, which stays behind empty. Not re-entrant; also excludes others of this process.
 * @throws FettleError BUSY when another holds it for longer than `waitMs`
 */
export async function withFileLock<T>(path: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const lock = await acquire(path, performance.now() + waitMs)
  held.add(lock)
  try {
    return await work()
  } finally {
    held.delete(lock)
    lock.close()
  }
}

async function acquire(path: string, deadline: number): Promise<DatabaseSync> {
  for (;;) {
    const lock = tryLock(path)
    if (lock !== undefined) return lock
    if (performance.now() > deadline) {
      throw new FettleError('BUSY', `${path} is held by another process`, { hint: 'Run the command again when the other has ended.' })
    }
    await delay(RETRY_MS)
  }
}

/** The lock, or undefined when another has it. */
function tryLock(path: string): DatabaseSync | undefined {
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    // Without a file beside it: nothing is written, so a full disk is no reason to fail.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
}
