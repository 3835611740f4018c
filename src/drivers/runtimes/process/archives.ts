/**
 * The logs of units that are gone, each as one file that zstd reads, with what is known of it beside:
 *
 *   <archive>/<unit>/<began>.log.zst   <began>.json
 *
 * What is there is read once and then known: whoever follows a log asks for it often. They stay for as long as the log of what runs, and
 * no more of one environment than `archiveBytes`.
 */

import { mkdir, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { namesIn, writeFileAtomic } from '../../../lib/files.ts'
import { removeTree } from '../../../lib/remove-tree.ts'
import type { Labels } from '../../../ports/runtime.ts'
import { type ArchiveIndex, indexFile, openArchive, readIndex, textFile } from './archived-log.ts'
import { foldersIn, matches } from './group-files.ts'
import type { Host } from './host.ts'
import { timeAt } from './log-marks.ts'
import type { LogStore } from './log-store.ts'
import type { LogContent, ReadableLog } from './readable-log.ts'
import { logBegan, type UnitRecord } from './unit-files.ts'

const TEXT = textFile('')

interface Kept {
  id: string
  unit: string
  /** Undefined: its index can not be read. */
  labels: Labels | undefined
  isService: boolean
  /** Path of its files without their endings. */
  base: string
  bytes: number
  archivedAt: number
  begin: number
  end: number
}

const stampOf = (record: UnitRecord): string => new Date(logBegan(record)).toISOString().replaceAll(/[:.]/g, '')

/** The same while the unit runs and when it is gone. */
export const logId = (record: UnitRecord): string => `${record.unit}@${stampOf(record)}`

export class Archives {
  readonly #host: Host
  readonly #kept = new Map<string, Kept>()

  constructor(host: Host) {
    this.#host = host
  }

  /** To be called before any is made: what is half written is a dead agent's. */
  async open(): Promise<void> {
    for (const unit of await foldersIn(this.#host.archive)) {
      const folder = join(this.#host.archive, unit)
      const names = await namesIn(folder)
      const stamps = names.filter(name => name.endsWith(TEXT)).map(name => name.slice(0, -TEXT.length))
      const halves = names.filter(name => !stamps.some(stamp => name === indexFile(stamp) || name === textFile(stamp)))
      for (const name of halves) await rm(join(folder, name), { force: true })
      for (const stamp of stamps) await this.#know(unit, stamp)
      if (stamps.length === 0) await rmdir(folder)
    }
    await this.#prune()
  }

  async #know(unit: string, stamp: string): Promise<void> {
    const base = join(this.#host.archive, unit, stamp)
    const id = `${unit}@${stamp}`
    const { size, mtimeMs } = await stat(textFile(base))
    // Whoever reads it is told why.
    const index = await readIndex(base).catch(() => undefined)
    const last = Math.round(mtimeMs)
    const times = index === undefined || index.marks.length === 0 ? { begin: last, end: last } : timesOf(index)
    const isService = index === undefined || (index.labels.service !== undefined && index.sandbox === undefined)
    this.#kept.set(id, { id, unit, labels: index?.labels, isService, base, bytes: size, archivedAt: mtimeMs, ...times })
  }

  /** A unit is often removed because the disk is full: then its log goes with it, and a word says so. */
  async keep(record: UnitRecord, store: LogStore, operation?: string): Promise<void> {
    const base = join(this.#host.archive, record.unit, stampOf(record))
    try {
      await this.#write(base, record, store, operation)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      this.#host.log(`the log of ${record.unit} was not kept: the disk is full`)
      await this.#remove(base)
    }
  }

  async #write(base: string, record: UnitRecord, store: LogStore, operation: string | undefined): Promise<void> {
    const { unit, sandbox } = record
    await mkdir(dirname(base), { recursive: true, mode: 0o700 })
    await store.grown() // what it said last has no time yet
    const labels = { ...record.labels, ...(operation === undefined ? {} : { operation }) }
    const index: ArchiveIndex = { format: 1, labels, ...(sandbox === undefined ? {} : { sandbox }), ...store.times() }
    await writeFileAtomic(indexFile(base), JSON.stringify(index), 0o600)
    if (!(await store.archive(textFile(base)))) return this.#remove(base)
    await this.#know(unit, stampOf(record))
    await this.#prune()
  }

  /** Without an operation: of services, but not what they said in a rehearsal or a drill. `begun`: also those that somebody began to read while they ran. */
  find(selector: Partial<Labels>, begun: (log: ReadableLog) => boolean): ReadableLog[] {
    return [...this.#kept.values()]
      .filter(({ unit, labels }) => (labels === undefined ? isNamedFor(unit, selector) : matches(labels, selector)))
      .map(kept => ({ kept, log: this.#readable(kept, selector) }))
      .filter(({ kept, log }) => kept.isService || selector.operation !== undefined || begun(log))
      .map(({ log }) => log)
  }

  /** One that is there no more, or never was as it said nothing, is empty. */
  async content(id: string): Promise<LogContent> {
    const kept = this.#kept.get(id)
    return kept === undefined ? NOTHING : openArchive(kept.base)
  }

  #readable({ id, unit, labels, begin, end }: Kept, selector: Partial<Labels>): ReadableLog {
    const known = labels ?? { app: '', environment: '', ...selector }
    return { id, unit, labels: known, isWhole: true, begin, end, to: Number.POSITIVE_INFINITY, open: () => this.content(id) }
  }

  async #prune(): Promise<void> {
    const { keepMs, archiveBytes } = this.#host.logs
    const since = this.#host.clock.now() - keepMs
    const bytes = new Map<string, number>()
    for (const { id, base, labels, bytes: own, archivedAt } of [...this.#kept.values()].sort((a, b) => b.archivedAt - a.archivedAt)) {
      const owner = `${labels?.app}/${labels?.environment}`
      const total = (bytes.get(owner) ?? 0) + own
      bytes.set(owner, total)
      if (total <= archiveBytes && archivedAt >= since) continue
      this.#kept.delete(id)
      await this.#remove(base)
    }
  }

  async #remove(base: string): Promise<void> {
    await rm(textFile(base), { force: true })
    await rm(indexFile(base), { force: true })
    const folder = dirname(base)
    if ((await namesIn(folder)).length === 0) await removeTree(folder)
  }
}

const NOTHING: LogContent = { async *read() {}, timeOf: () => 0, offsetSince: () => 0 }

function timesOf({ from, marks }: ArchiveIndex): { begin: number; end: number } {
  const end = marks.reduce((latest, [, at]) => Math.max(latest, at), 0)
  return { begin: timeAt(marks, from, end), end }
}

/** Of one whose labels can not be read: names are made of them. */
const isNamedFor = (unit: string, selector: Partial<Labels>): boolean =>
  Object.values(selector).every(part => `.${unit}.`.replaceAll('-', '.').includes(`.${part.replaceAll('-', '.')}.`))
