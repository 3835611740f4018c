/**
 * A tree's entries as one tar stream, hashed while they are read. A file that changes meanwhile is read again; whatever happens to it,
 * the archive stays valid and the hash is of what the archive holds.
 */
import { createHash } from 'node:crypto'
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { digestOf } from '../../../lib/content-sum.ts'
import { type Seen, seenAs, shownPath } from './entry.ts'
import { END_OF_ARCHIVE, padding, type Reserve, writeHeader } from './tar-write.ts'
import { absolute, reading } from './walk.ts'

/** What is handed on at once. Between two batches the event loop runs. */
const BATCH = 256 * 1024
/** A file up to this size is read whole, before its header is final. */
const SMALL = BATCH
const ATTEMPTS = 3
/** A link or pipe put in the place of a file meanwhile is neither followed nor waited for. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const CHANGED = 'changed while it was read'
const WAS_GONE = 'was gone before it was read'

export interface Outcome {
  /** With their hashes; of two with one path the later counts, as in the archive. */
  packed: Seen[]
  /** What moved while it was read, in words. */
  notes: string[]
}

/** A piece's memory is used again: it must be done with before the next is asked for. */
export async function* packTree(
  root: string,
  entries: Seen[],
  head: Buffer,
  outcome: Outcome,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const batch = new Batch()
  head.copy(batch.reserve(head.length))
  for (const seen of entries) {
    if (seen.kind !== 'file') {
      writeHeader(seen, batch.reserve)
      outcome.packed.push(seen)
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
  END_OF_ARCHIVE.copy(batch.reserve(END_OF_ARCHIVE.length))
  yield batch.take()
}

/** Read straight into the batch, behind the header that its size would need: when that was wrong, both are written again. */
function packSmall(root: string, first: Seen, batch: Batch, outcome: Outcome): void {
  let seen = first
  for (let attempt = 1; ; attempt++) {
    const mark = batch.length
    writeHeader(seen, batch.reserve)
    const body = batch.reserve(seen.size)
    const now = usingFile(root, seen, fd => {
      const length = readFully(fd, body)
      if (length < body.length) body.fill(0, length)
      return statsOf(fd)
    })
    if (now !== undefined && (attempt === ATTEMPTS || isStill(seen, now) || now.size > SMALL)) {
      seen.sha = digestOf(body)
      batch.reserve(padding(seen.size)).fill(0)
      outcome.packed.push(seen)
      if (!isStill(seen, now)) outcome.notes.push(`${shownPath(seen.path)} ${CHANGED}`)
      return
    }
    batch.rewind(mark)
    if (now === undefined) {
      outcome.notes.push(`${shownPath(seen.path)} ${WAS_GONE}`)
      return
    }
    seen = seenAs(seen.path, now)
  }
}

/**
 * Streamed, so its header goes first: when the file changed, it is written once more. Each time counts as soon as it is in the archive,
 * because there may be no next one: by then the file may be renamed or gone.
 */
async function* packLarge(root: string, first: Seen, outcome: Outcome): AsyncGenerator<Buffer> {
  const batch = new Batch()
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const fd = reading(root, first.path, () => openSync(absolute(root, first.path), OPEN_FLAGS))
    try {
      const opened = fd === undefined ? undefined : statsOf(fd)
      if (fd === undefined || opened === undefined) {
        outcome.notes.push(`${shownPath(first.path)} ${attempt === 1 ? WAS_GONE : CHANGED}`)
        return
      }
      const seen = seenAs(first.path, opened)
      writeHeader(seen, batch.reserve)
      yield batch.take()
      seen.sha = yield* packBody(fd, seen.size, batch.memory)
      outcome.packed.push(seen)
      if (isStill(seen, fstatSync(fd, { bigint: true }))) return
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }
  outcome.notes.push(`${shownPath(first.path)} ${CHANGED}`)
}

/** Exactly `size` bytes and their padding, zeros where the file became shorter. @returns their SHA-256 */
async function* packBody(fd: number, size: number, memory: Buffer): AsyncGenerator<Buffer, string> {
  const hash = createHash('sha256')
  for (let left = size; left > 0; ) {
    const piece = memory.subarray(0, Math.min(left, BATCH))
    const length = readFully(fd, piece)
    if (length < piece.length) piece.fill(0, length)
    hash.update(piece)
    left -= piece.length
    yield piece
    await turn()
  }
  yield END_OF_ARCHIVE.subarray(0, padding(size))
  return hash.digest('binary')
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

/** As it was when it was seen, as far as the file system tells. */
const isStill = (seen: Seen, now: BigIntStats): boolean =>
  now.mtimeNs === seen.mtimeNs && now.ctimeNs === seen.ctimeNs && now.ino === seen.inode && Number(now.size) === seen.size

/** undefined: it is gone, or no file any more. */
export function usingFile<Result>(root: string, seen: Seen, use: (fd: number) => Result): Result | undefined {
  return reading(root, seen.path, () => {
    const fd = openSync(absolute(root, seen.path), OPEN_FLAGS)
    try {
      return use(fd)
    } finally {
      closeSync(fd)
    }
  })
}

function statsOf(fd: number): BigIntStats | undefined {
  const stats = fstatSync(fd, { bigint: true })
  return stats.isFile() ? stats : undefined
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

/** Collects headers and small files in memory that is used again and again. */
class Batch {
  memory = Buffer.allocUnsafeSlow(4 * BATCH)
  length = 0

  readonly reserve: Reserve = size => {
    if (this.length + size > this.memory.length) {
      const larger = Buffer.allocUnsafeSlow((this.length + size) * 2)
      this.memory.copy(larger, 0, 0, this.length)
      this.memory = larger
    }
    this.length += size
    return this.memory.subarray(this.length - size, this.length)
  }

  rewind(length: number): void {
    this.length = length
  }

  take(): Buffer {
    const taken = this.memory.subarray(0, this.length)
    this.length = 0
    return taken
  }
}
