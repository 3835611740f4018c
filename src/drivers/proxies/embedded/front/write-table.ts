/**
 * The same promise as `writeFileAtomic`, for a process whose event loop is full of requests: there every await costs a turn
 * of some 2 ms. Only the two fsyncs, which may take a disk's time, are awaited; the rest is page cache, 20 µs each.
 */
import { closeSync, fsync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const sync = promisify(fsync)

/** Durable when it resolves. A crash leaves the file as it was, and perhaps `<path>.tmp`. */
export async function writeTable(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`
  const isNewFolder = mkdirSync(dirname(path), { recursive: true, mode: 0o700 }) !== undefined
  try {
    await syncWith(openSync(temporary, 'w', 0o600), descriptor => writeSync(descriptor, text))
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  await syncWith(openSync(dirname(path), 'r'))
  if (isNewFolder) await syncWith(openSync(dirname(dirname(path)), 'r'))
}

async function syncWith(descriptor: number, before: (descriptor: number) => void = () => {}): Promise<void> {
  try {
    before(descriptor)
    await sync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
