/**
 * The logs of units that are gone, each as one file that zstd reads, with what is known of it beside:
 *
 *   <archive>/<unit>/<created>.log.zst   <created>.json (labels, where it begins, when its parts came)
 *
 * They stay by the same limits as the log of what runs.
 */

import { createReadStream } from 'node:fs'
import { mkdir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import { refuseNewer } from '../../../core/file-format.ts'
import { namesIn, readIfExists, writeFileAtomic } from '../../../lib/files.ts'
import type { Labels } from '../../../ports/runtime.ts'
import { foldersIn } from './group-files.ts'
import type { Host } from './host.ts'
import { splitLines } from './log-lines.ts'
import { type Mark, offsetBefore, timeAt } from './log-marks.ts'
import type { LogStore } from './log-store.ts'
import type { Unit } from './unit.ts'

/** A log of which lines can be read, whether its unit runs or is gone. */
export interface ReadableLog {
  /** Nothing more comes: a last line without a newline is a line. */
  isWhole: boolean
  unit: { record: { unit: string; labels: Labels } }
  store: Pick<LogStore, 'read' | 'offsetOfLast' | 'timeOf' | 'offsetSince'>
}

interface Index {
  format: 1
  labels: Labels
  /** Offset of the first byte; what came before it was dropped. */
  from: number
  marks: Mark[]
}

export class Archives {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  async keep({ record }: Unit, store: LogStore, operation?: string): Promise<void> {
    const folder = join(this.#host.archive, record.unit)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const base = join(folder, new Date(record.createdAt).toISOString().replaceAll(/[:.]/g, ''))
    await store.grown() // what it said last has no time yet
    const index: Index = { format: 1, labels: { ...record.labels, ...(operation === undefined ? {} : { operation }) }, ...store.times() }
    await writeFileAtomic(`${base}.json`, JSON.stringify(index), 0o600)
    await store.archive(`${base}.log.zst`)
    await this.#prune(folder)
  }

  /** Units that may be an operation's: of its commands, and of groups, whose names tell the operation that made them. */
  async unitsOf(operation: string): Promise<string[]> {
    const named = new RegExp(`(^|[.-])${operation}[.-]`)
    return (await foldersIn(this.#host.archive)).filter(unit => named.test(unit))
  }

  /** Of a unit; undefined when there is none, or it said nothing. */
  async newest(unit: string): Promise<ReadableLog | undefined> {
    const folder = join(this.#host.archive, unit)
    const name = (await namesIn(folder))
      .filter(file => file.endsWith('.log.zst'))
      .sort()
      .at(-1)
    if (name === undefined) return undefined
    const text = await readIfExists(join(folder, name.replace('.log.zst', '.json')))
    if (text === undefined) return undefined
    const index = JSON.parse(text) as Index
    refuseNewer(index.format, 1, join(folder, name))
    return { isWhole: true, unit: { record: { unit, labels: index.labels } }, store: readable(index, join(folder, name)) }
  }

  /** Archives of removed units go by the same limits as what runs. To be called before any is made: what is half written is a dead agent's. */
  async open(): Promise<void> {
    for (const unit of await foldersIn(this.#host.archive)) {
      const folder = join(this.#host.archive, unit)
      const halves = (await namesIn(folder)).filter(name => name.endsWith('.tmp'))
      for (const name of halves) await rm(join(folder, name), { force: true })
      await this.#prune(folder)
    }
  }

  async #prune(folder: string): Promise<void> {
    const { keepBytes, keepMs } = this.#host.logs
    const names = (await namesIn(folder)).sort().reverse()
    let bytes = 0
    let left = names.length
    for (const name of names) {
      const { size, mtimeMs } = await stat(join(folder, name))
      bytes += size
      if (bytes <= keepBytes && this.#host.clock.now() - mtimeMs <= keepMs) continue
      await rm(join(folder, name), { force: true })
      left -= 1
    }
    if (left === 0) await rmdir(folder)
  }
}

/** Always as a stream: a few megabytes of zstd may hold gigabytes of one line said over and over. */
function readable({ from, marks }: Index, path: string): ReadableLog['store'] {
  async function* read(offset: number): AsyncGenerator<{ offset: number; bytes: Buffer }> {
    let at = from
    // Whoever reads on gets the error of either, and who stops early closes both.
    const unpacked: AsyncIterable<Buffer> = pipeline(createReadStream(path), createZstdDecompress(), () => undefined)
    for await (const bytes of unpacked) {
      const skipped = Math.max(0, offset - at)
      if (skipped < bytes.length) yield { offset: at + skipped, bytes: bytes.subarray(skipped) }
      at += bytes.length
    }
  }
  return {
    read,
    async offsetOfLast(count) {
      const starts = [from]
      for await (const { end } of splitLines(read(from), { partial: true })) {
        starts.push(end)
        // One more than the lines: behind the last one begins none.
        if (starts.length > count + 1) starts.shift()
      }
      return starts[0] ?? from
    },
    timeOf: offset => timeAt(marks, offset, marks.at(-1)?.[1] ?? 0),
    offsetSince: at => offsetBefore(marks, at),
  }
}
