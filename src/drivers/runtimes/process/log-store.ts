/**
 * The output of one unit. The app appends to the file `log`; the agent copies a range of it into a compressed segment, makes that
 * durable, and only then punches a hole over the range. Offsets count every byte ever written, so they stay true, nothing is lost
 * between copy and hole, and the app notices nothing. Where the file system refuses holes the file grows; that is said once.
 *
 *   log   log.json (segments)   log.<offset>.zst   log.times (when the rest came)
 */

import { createWriteStream } from 'node:fs'
import { appendFile, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { execute } from '../../../lib/execute.ts'
import { readIfExists, writeFileAtomic } from '../../../lib/files.ts'
import type { Host } from './host.ts'
import { formatMarks, type Mark, offsetBefore, parseMarks, thin, timeAt } from './log-marks.ts'
import { LogSegments } from './log-segments.ts'
import { requireProgram } from './programs.ts'

/** 128 KiB instead of 2 MiB: this is the agent's memory, and what a log repeats it repeats soon. */
const SMALL_WINDOW = { [constants.ZSTD_c_windowLog]: 17 }

const MARKS_PER_SEGMENT = 32
const MOST_MARKS = 2000
/** Few enough lines that whoever reads a long log does not keep the agent from its other work. */
const READ_BYTES = 64 << 10
/** Where an app prints faster than that, segments become longer; each is in memory as a whole while it is made or read. */
const MOST_TIMES_LONGER = 4

export class LogStore {
  readonly #host: Host
  readonly #folder: string
  readonly #name: string
  readonly #segments: LogSegments
  #marks: Mark[] = []
  /** What comes before is in segments, or gone. */
  #liveFrom = 0
  #refusesHoles = false
  #work: Promise<unknown> = Promise.resolve()

  constructor(host: Host, folder: string, name: string) {
    this.#host = host
    this.#folder = folder
    this.#segments = new LogSegments(folder)
    this.#name = name
  }

  get path(): string {
    return join(this.#folder, 'log')
  }

  async open(): Promise<void> {
    await (await open(this.path, 'a', 0o600)).close()
    await this.#segments.open()
    this.#liveFrom = this.#segments.to ?? 0
    this.#marks = parseMarks((await readIfExists(join(this.#folder, 'log.times'))) ?? '')
    // The agent may have died between a segment and its hole.
    if (this.#liveFrom > 0) await this.#punch(0, this.#liveFrom)
    const { size, mtimeMs } = await stat(this.path)
    // On a full disk it is known in memory, and not to the next agent: no reason not to start.
    if (size > (this.#marks.at(-1)?.[0] ?? 0)) await this.#mark(size, Math.round(mtimeMs)).catch(this.#tell)
  }

  readonly #tell = (error: Error): void => this.#host.log(`the log of ${this.#name}: ${error.message}`)

  /** To be called when the file grew, and once at the start. One at a time. @returns whether offsets began again */
  grown(): Promise<boolean> {
    const grown = this.#work
      .then(() => this.#grown())
      .catch((error: Error) => {
        this.#tell(error)
        return false
      })
    this.#work = grown
    return grown
  }

  async #grown(): Promise<boolean> {
    const { size } = await stat(this.path)
    const beginsAnew = size < this.#liveFrom
    if (beginsAnew) await this.#startAnew()
    const now = Math.round(this.#host.clock.now())
    if (size > (this.#marks.at(-1)?.[0] ?? 0)) await this.#mark(size, now)
    let isThere = true
    while (isThere && size - this.#liveFrom >= this.#host.logs.segmentBytes && !this.#refusesHoles) isThere = await this.#cut(size)
    return beginsAnew
  }

  async #mark(size: number, at: number): Promise<void> {
    this.#marks.push([size, at])
    if (this.#marks.length <= MOST_MARKS) return appendFile(join(this.#folder, 'log.times'), formatMarks([[size, at]]), { mode: 0o600 })
    this.#marks = thin(this.#marks, MOST_MARKS / 2)
    return this.#writeMarks()
  }

  /** Somebody truncated the file by hand: offsets begin again. */
  async #startAnew(): Promise<void> {
    this.#marks = []
    this.#liveFrom = 0
    await this.#segments.clear()
    await this.#writeMarks()
  }

  /** @returns whether there was something: not where the file was truncated by hand meanwhile, which the next look sees */
  async #cut(size: number): Promise<boolean> {
    const from = this.#liveFrom
    const bytes = await this.#readLive(from, Math.min(size - from, this.#host.logs.segmentBytes * MOST_TIMES_LONGER))
    if (bytes.length === 0) return false
    // Between two lines where there is one.
    const length = bytes.lastIndexOf(10) + 1 || bytes.length
    const to = from + length
    const marks = thin([...this.#marks.filter(([offset]) => offset > from && offset < to), [to, this.timeOf(to - 1)]], MARKS_PER_SEGMENT)
    await this.#segments.add(from, bytes.subarray(0, length), marks)
    this.#marks = this.#marks.filter(([offset]) => offset > to)
    const { keepBytes, keepMs } = this.#host.logs
    await this.#segments.save({ keepBytes, since: this.#host.clock.now() - keepMs })
    await this.#writeMarks()
    // Readers look at this after they read: what they got before it moved is not yet a hole.
    this.#liveFrom = to
    await this.#punch(from, to)
    return true
  }

  #writeMarks(): Promise<void> {
    return writeFileAtomic(join(this.#folder, 'log.times'), formatMarks(this.#marks), 0o600)
  }

  async #punch(from: number, to: number): Promise<void> {
    const range = ['--offset', String(from), '--length', String(to - from)]
    const punched = await execute(requireProgram('fallocate'), ['--punch-hole', '--keep-size', ...range, this.path])
    if (punched.code === 0) return
    this.#refusesHoles = true
    this.#host.log(`the log of ${this.#name} can not be rotated here and will grow: ${punched.stderr.trim()}`)
  }

  async #readLive(from: number, length: number): Promise<Buffer> {
    const file = await open(this.path, 'r')
    try {
      const buffer = Buffer.allocUnsafe(length)
      const { bytesRead } = await file.read(buffer, 0, length, from)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }

  /** Everything from an offset (or from the oldest that is left) to the present end, whatever is rotated meanwhile. */
  async *read(from: number): AsyncGenerator<{ offset: number; bytes: Buffer }> {
    const { size } = await stat(this.path)
    // It was truncated by hand when the offset is from before that.
    for (let block = await this.#block(from > size ? 0 : from); block.bytes.length > 0; ) {
      const { offset, bytes } = block
      for (let at = 0; at < bytes.length; at += READ_BYTES) {
        yield { offset: offset + at, bytes: bytes.subarray(at, at + READ_BYTES) }
        await nextTurn()
      }
      block = await this.#block(offset + bytes.length)
    }
  }

  /** What follows an offset, or the oldest behind it: the rest of a segment, or a piece of the live file; empty at its end. */
  async #block(from: number): Promise<{ offset: number; bytes: Buffer }> {
    for (;;) {
      const segment = this.#segments.after(from)
      const offset = Math.max(from, segment?.from ?? this.#liveFrom)
      const bytes = await (segment === undefined ? this.#readLive(offset, READ_BYTES) : this.#segments.read(segment, offset))
      // Else it was dropped, or the hole came, while this was being read.
      if (bytes !== undefined && (segment !== undefined || offset >= this.#liveFrom)) return { offset, bytes }
    }
  }

  #oldest(): number {
    return this.#segments.from ?? this.#liveFrom
  }

  /** Of all that was ever written. */
  async size(): Promise<number> {
    return (await stat(this.path)).size
  }

  /** Up to where it can be read now: nothing, when it was truncated by hand and has not begun anew. */
  async readableBytes(): Promise<number> {
    const size = await this.size()
    return size < this.#liveFrom ? 0 : size
  }

  /** Where the last `count` lines of the first `size` bytes begin. */
  async offsetOfLast(count: number, size: number): Promise<number> {
    let missing = count
    for (let end = size; end > this.#oldest(); ) {
      const inSegment = this.#segments.before(end)
      const from = inSegment?.from ?? Math.max(this.#liveFrom, end - READ_BYTES)
      const block = await this.#block(from)
      const lines = block.bytes.subarray(0, end - block.offset)
      for (let at = lines.lastIndexOf(10); at >= 0; at = at === 0 ? -1 : lines.lastIndexOf(10, at - 1)) {
        if (block.offset + at + 1 < size && --missing === 0) return block.offset + at + 1
      }
      end = from
    }
    return this.#oldest()
  }

  timeOf(offset: number): number {
    return timeAt(this.#segments.after(offset)?.marks ?? this.#marks, offset, Math.round(this.#host.clock.now()))
  }

  /** Where to begin to read for everything since a time. */
  offsetSince(at: number): number {
    return offsetBefore(this.#allMarks, at)
  }

  /** Where what is left begins, and when its parts came. */
  times(): { from: number; marks: Mark[] } {
    return { from: this.#oldest(), marks: this.#allMarks }
  }

  get #allMarks(): Mark[] {
    return [...this.#segments.marks, ...this.#marks]
  }

  /** All of it, as one file in an existing folder. One frame: not every reader of zstd goes on behind the first. @returns whether there is one now */
  async archive(path: string): Promise<boolean> {
    await this.#work
    if ((await this.size()) === 0) return false
    try {
      await pipeline(
        this.#bytes(),
        createZstdCompress({ params: SMALL_WINDOW }),
        createWriteStream(`${path}.tmp`, { mode: 0o600, flush: true }),
      )
      await rename(`${path}.tmp`, path)
      return true
    } catch (error) {
      await rm(`${path}.tmp`, { force: true })
      throw error
    }
  }

  async *#bytes(): AsyncGenerator<Buffer> {
    for await (const { bytes } of this.read(0)) yield bytes
  }
}
