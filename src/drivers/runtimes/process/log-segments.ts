/** The compressed parts of one unit's log that are no longer in its live file: `log.json` lists them, `log.<offset>.zst` holds each. */
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { writeFileAtomic } from '../../../lib/files.ts'
import { readKept } from '../../../lib/kept-file.ts'
import type { Mark } from './log-marks.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

const FORMAT = 1

export interface Segment {
  /** Offsets in all that was ever written. */
  from: number
  to: number
  storedBytes: number
  marks: Mark[]
}

export class LogSegments {
  readonly #folder: string
  #all: Segment[] = []

  constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws FettleError VERSION when a newer fettle wrote the list */
  async open(): Promise<void> {
    const hint = 'Move it away: what was said before the newest part of the log is not shown then.'
    const kept = await readKept<{ segments: Segment[] }>({ path: this.#indexPath, known: FORMAT, hint })
    this.#all = kept?.segments ?? []
  }

  /** Where the oldest begins and the newest ends; undefined when there are none. */
  get from(): number | undefined {
    return this.#all[0]?.from
  }

  get to(): number | undefined {
    return this.#all.at(-1)?.to
  }

  get marks(): Mark[] {
    return this.#all.flatMap(({ marks }) => marks)
  }

  /** The one that holds an offset, or the oldest behind it. */
  after(offset: number): Segment | undefined {
    return this.#all.find(({ to }) => offset < to)
  }

  /** The one that holds the byte before an offset. */
  before(offset: number): Segment | undefined {
    return this.#all.findLast(({ from, to }) => from < offset && offset <= to)
  }

  /** Durable when it resolves, but listed only by `save`. */
  async add(from: number, bytes: Buffer, marks: Mark[]): Promise<void> {
    const packed = await compress(bytes)
    await writeDurably(this.#path(from), packed)
    this.#all.push({ from, to: from + bytes.length, storedBytes: packed.length, marks })
  }

  /** Writes the list, without those beyond size and age, then removes their files. */
  async save({ keepBytes, since }: { keepBytes: number; since: number }): Promise<void> {
    let bytes = 0
    const isKept = ({ storedBytes, marks }: Segment) => {
      bytes += storedBytes
      return bytes <= keepBytes && (marks.at(-1)?.[1] ?? 0) >= since
    }
    const firstGone = this.#all.findLastIndex(segment => !isKept(segment))
    await this.#save(this.#all.splice(0, firstGone + 1))
  }

  clear(): Promise<void> {
    return this.#save(this.#all.splice(0))
  }

  async #save(gone: readonly Segment[]): Promise<void> {
    await writeFileAtomic(this.#indexPath, `${JSON.stringify({ format: FORMAT, segments: this.#all })}\n`, 0o600)
    for (const { from } of gone) await rm(this.#path(from), { force: true })
  }

  /** @returns what follows an offset in it, or undefined when it was dropped meanwhile */
  async read(segment: Segment, offset: number): Promise<Buffer | undefined> {
    try {
      return (await decompress(await readFile(this.#path(segment.from)))).subarray(offset - segment.from)
    } catch (error) {
      if (this.#all.includes(segment)) throw error
      return undefined
    }
  }

  get #indexPath(): string {
    return join(this.#folder, 'log.json')
  }

  #path(from: number): string {
    return join(this.#folder, `log.${String(from).padStart(15, '0')}.zst`)
  }
}

async function writeDurably(path: string, data: Uint8Array): Promise<void> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'w', 0o600)
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file?.close()
  }
}
