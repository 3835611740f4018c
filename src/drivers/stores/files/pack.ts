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
export const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

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
    const fd = openFile(root, seen, outcome)
    if (fd === undefined) return
    const mark = batch.length
    let body: Buffer
    let now: Seen
    try {
      batch.append(tarHeader(seen))
      body = batch.reserve(seen.size)
      body.fill(0, readFully(fd, body))
      now = statsOf(fd, seen)
    } finally {
      closeSync(fd)
    }
    const stable = isSame(seen, now)
    if (stable || attempt === ATTEMPTS || now.size > SMALL) {
      const sha = digestOf(body)
      batch.append(ZEROS.subarray(0, padding(seen.size)))
      if (!stable) outcome.notes.push(`${shownPath(seen.path)} changed while it was read`)
      outcome.packed.push({ ...seen, sha })
      return
    }
    batch.rewind(mark)
    seen = now
  }
}

/** Streamed, so its header goes first: when the file changed, it is written once more, and the later entry counts. */
async function* packLarge(root: string, first: Seen, outcome: Outcome): AsyncGenerator<Buffer> {
  let seen = first
  for (let attempt = 1; ; attempt++) {
    const fd = openFile(root, seen, outcome)
    if (fd === undefined) return
    const hash = createHash('sha256')
    let now: Seen
    try {
      yield tarHeader(seen)
      const buffer = Buffer.allocUnsafeSlow(BATCH)
      for (let left = seen.size; left > 0; ) {
        const piece = buffer.subarray(0, left)
        piece.fill(0, readFully(fd, piece))
        hash.update(piece)
        left -= piece.length
        yield piece
        await turn()
      }
      yield ZEROS.subarray(0, padding(seen.size))
      now = statsOf(fd, seen)
    } finally {
      closeSync(fd)
    }
    const stable = isSame(seen, now)
    if (stable || attempt === ATTEMPTS) {
      if (!stable) outcome.notes.push(`${shownPath(seen.path)} changed while it was read`)
      outcome.packed.push({ ...seen, sha: hash.digest('binary') })
      return
    }
    seen = now
  }
}

/** SHA-256 of a file as it is now; undefined when it is gone. */
export function hashFile(root: string, seen: Seen): string | undefined {
  const fd = openFile(root, seen)
  if (fd === undefined) return undefined
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(seen.size, 4 * BATCH) + 1)
    const length = readFully(fd, buffer)
    if (length < buffer.length) return digestOf(buffer.subarray(0, length))
    const hash = createHash('sha256').update(buffer)
    for (let read = readFully(fd, buffer); read > 0; read = readFully(fd, buffer)) hash.update(buffer.subarray(0, read))
    return hash.digest('binary')
  } finally {
    closeSync(fd)
  }
}

const ZEROS = Buffer.alloc(512)

/** Same content, as far as the file system tells. */
export const isSame = (a: Seen, b: Seen): boolean =>
  a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.inode === b.inode

function openFile(root: string, seen: Seen, outcome?: Outcome): number | undefined {
  const fd = reading(root, seen.path, () => openSync(absolute(root, seen.path), OPEN_FLAGS))
  if (fd === undefined) outcome?.notes.push(`${shownPath(seen.path)} was gone before it was read`)
  return fd
}

function statsOf(fd: number, seen: Seen): Seen {
  const stats = fstatSync(fd, { bigint: true })
  return seenAs(entryOf(seen.path, stats), stats)
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
