/**
 * A tree's entries as one tar stream, hashed while they are read. A file that changes meanwhile is read again; whatever happens to it,
 * the archive stays valid and the hash is of what the archive holds.
 */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { digestOf } from '../../../lib/content-sum.ts'
import { entryOf, shownPath } from './entry.ts'
import { END_OF_ARCHIVE, padding, tarHeader } from './tar-write.ts'
import { absolute, reading, type Seen, seenAs } from './walk.ts'

/** What compression gets at once. Between two batches the event loop runs, so that its thread never waits for the next for long. */
const BATCH = 256 * 1024
/** A file up to this size is read whole, before its header is final. */
const SMALL = BATCH
const ATTEMPTS = 3
/** A link or pipe put in the place of a file meanwhile is neither followed nor waited for. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export type Packed = Seen & { sha: string }

export interface Outcome {
  packed: Packed[]
  /** What moved while it was read, in words. */
  notes: string[]
}

export async function* packTree(
  root: string,
  entries: Seen[],
  head: Buffer,
  outcome: Outcome,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const batch = new Batch()
  batch.append(head)
  for (const seen of entries) {
    const packed = seen.kind === 'file' ? undefined : { ...seen, sha: '' }
    if (packed !== undefined) {
      batch.append(tarHeader(packed))
      outcome.packed.push(packed)
    } else if (seen.size <= SMALL) packSmall(root, seen, batch, outcome)
    else {
      yield batch.take()
      yield* packLarge(root, seen, outcome)
    }
    if (batch.length < BATCH) continue
    yield batch.take()
    await turn()
    signal.throwIfAborted()
  }
  batch.append(END_OF_ARCHIVE)
  yield batch.take()
}

function packSmall(root: string, first: Seen, batch: Batch, outcome: Outcome): void {
  let seen = first
  for (let attempt = 1; ; attempt++) {
    const mark = batch.length
    batch.append(tarHeader(seen))
    const body = batch.reserve(seen.size)
    const now = usingFile(root, seen, fd => {
      body.fill(0, readFully(fd, body))
      return statsOf(fd, seen)
    })
    if (now !== undefined && (attempt === ATTEMPTS || isSame(seen, now) || now.size > SMALL)) {
      const sha = digestOf(body)
      batch.append(ZEROS.subarray(0, padding(seen.size)))
      settle(outcome, seen, now, sha)
      return
    }
    batch.rewind(mark)
    if (now === undefined) {
      outcome.notes.push(`${shownPath(seen.path)} was gone before it was read`)
      return
    }
    seen = now
  }
}

/** Streamed, so its header goes first: when the file changed, it is written once more, and the later entry counts. */
async function* packLarge(root: string, first: Seen, outcome: Outcome): AsyncGenerator<Buffer> {
  let seen = first
  const buffer = Buffer.allocUnsafeSlow(BATCH)
  for (let attempt = 1; ; attempt++) {
    const fd = reading(root, seen.path, () => openSync(absolute(root, seen.path), OPEN_FLAGS))
    const opened = fd === undefined ? undefined : statsOf(fd, seen)
    if (fd === undefined || opened === undefined) {
      if (fd !== undefined) closeSync(fd)
      outcome.notes.push(`${shownPath(seen.path)} was gone before it was read`)
      return
    }
    seen = opened
    const hash = createHash('sha256')
    try {
      yield tarHeader(seen)
      for (let left = seen.size; left > 0; ) {
        const piece = buffer.subarray(0, left)
        piece.fill(0, readFully(fd, piece))
        hash.update(piece)
        left -= piece.length
        yield piece
        await turn()
      }
      yield ZEROS.subarray(0, padding(seen.size))
      const now = statsOf(fd, seen) ?? seen
      if (attempt < ATTEMPTS && !isSame(seen, now)) continue
      settle(outcome, seen, now, hash.digest('binary'))
      return
    } finally {
      closeSync(fd)
    }
  }
}

function settle(outcome: Outcome, seen: Seen, now: Seen, sha: string): void {
  if (!isSame(seen, now)) outcome.notes.push(`${shownPath(seen.path)} changed while it was read`)
  outcome.packed.push({ ...seen, sha })
}

/** SHA-256 of a file as it is now; undefined when it is gone. */
export function hashFile(root: string, seen: Seen): string | undefined {
  return usingFile(root, seen, fd => {
    const buffer = Buffer.allocUnsafeSlow(Math.min(seen.size, 4 * BATCH) + 1)
    const length = readFully(fd, buffer)
    if (length < buffer.length) return digestOf(buffer.subarray(0, length))
    const hash = createHash('sha256').update(buffer)
    for (let read = readFully(fd, buffer); read > 0; read = readFully(fd, buffer)) hash.update(buffer.subarray(0, read))
    return hash.digest('binary')
  })
}

const ZEROS = Buffer.alloc(512)

/** Same content, as far as the file system tells. */
export const isSame = (a: Seen, b: Seen): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.inode === b.inode

/** undefined: it is gone, or no file any more. */
function usingFile<Result>(root: string, seen: Seen, use: (fd: number) => Result): Result | undefined {
  return reading(root, seen.path, () => {
    const fd = openSync(absolute(root, seen.path), OPEN_FLAGS)
    try {
      return use(fd)
    } finally {
      closeSync(fd)
    }
  })
}

function statsOf(fd: number, seen: Seen): Seen | undefined {
  const stats = fstatSync(fd, { bigint: true })
  return stats.isFile() ? seenAs(entryOf(seen.path, stats), stats) : undefined
}

/** Bytes read: fewer than fit only at the end of the file. */
function readFully(fd: number, buffer: Buffer): number {
  let at = 0
  while (at < buffer.length) {
    const read = readSync(fd, buffer, at, buffer.length - at, null)
    if (read === 0) break
    at += read
  }
  return at
}

/** Collects headers and small files; files are read straight into it. */
class Batch {
  #buffer = Buffer.allocUnsafeSlow(4 * BATCH)
  length = 0

  append(bytes: Buffer): void {
    bytes.copy(this.reserve(bytes.length))
  }

  reserve(size: number): Buffer {
    if (this.length + size > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow((this.length + size) * 2)
      this.#buffer.copy(larger, 0, 0, this.length)
      this.#buffer = larger
    }
    this.length += size
    return this.#buffer.subarray(this.length - size, this.length)
  }

  rewind(length: number): void {
    this.length = length
  }

  /** What was collected. Its memory is used again: it must be done with before the next is asked for. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.length)
    this.length = 0
    return taken
  }
}
