/** The logs of all units: read, merged by time, followed, archived. */
import type { Labels, LogLine, Runtime } from '../../../ports/runtime.ts'
import { Archives, type ReadableLog } from './archives.ts'
import { Changes } from './changes.ts'
import { matches } from './group-files.ts'
import type { Host } from './host.ts'
import { type RawLine, splitLines } from './log-lines.ts'
import { LogStore } from './log-store.ts'
import type { Unit } from './unit.ts'
import { WatchedLog } from './watched-log.ts'

type Options = Parameters<Runtime['logs']>[1]

export class Logs {
  readonly #host: Host
  readonly #archives: Archives
  readonly #logs = new Map<string, WatchedLog>()
  readonly #changes = new Changes()
  /** Rises with every growth of any log, so that a follower never misses what came while it was busy. */
  #growths = 0

  constructor(host: Host) {
    this.#host = host
    this.#archives = new Archives(host)
  }

  async add(unit: Unit): Promise<void> {
    const { unit: name } = unit.record
    this.#logs.get(name)?.close()
    const store = new LogStore(this.#host, unit.folder, name)
    await store.open()
    const log = new WatchedLog(unit, store, () => this.#grew())
    this.#logs.set(name, log)
    log.watch()
    this.#grew()
  }

  #grew(): void {
    this.#growths += 1
    this.#changes.notify()
  }

  /** The last lines as one text. */
  async tail(unit: Unit, lines: number): Promise<string> {
    const store = this.#logs.get(unit.record.unit)?.store
    if (store === undefined) return ''
    const texts: string[] = []
    for await (const { text } of splitLines(store.read(await store.offsetOfLast(lines)), { partial: true })) {
      texts.push(text)
      if (texts.length > lines) texts.shift()
    }
    return this.#host.hide(texts.join('\n'), unit.record.labels.app)
  }

  async *lines(selector: Partial<Labels>, options: Options, signal: AbortSignal): AsyncGenerator<LogLine> {
    const positions = parseCursor(options.cursor)
    const isNew = options.cursor === undefined
    const archived = new Map<string, ReadableLog>()
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const seen = this.#growths
      const chosen = [...(await this.#archivedOf(selector.operation, archived)), ...this.#logs.values()].filter(({ unit }) =>
        matches(unit.record.labels, selector),
      )
      for (const { unit, store } of chosen) {
        const { unit: name } = unit.record
        if (!positions.has(name)) positions.set(name, isFirst && isNew ? await firstOffset(store, options) : 0)
      }
      const round = this.#merge(chosen, positions, { partial: !options.follow, sinceMs: options.sinceMs })
      yield* isFirst && isNew && options.lines !== undefined ? lastOf(round, options.lines) : round
      if (!options.follow) return
      await this.#changes
        .until(() => (this.#growths !== seen || signal.aborted ? true : undefined), 'more lines', signal)
        .catch(endOnAbort(signal))
    }
  }

  /** What commands said stays to be read when they are forgotten, and what a group said that the operation gave up. @param opened before; those that are gone since are added */
  async #archivedOf(operation: string | undefined, opened: Map<string, ReadableLog>): Promise<ReadableLog[]> {
    const units = operation === undefined ? [] : await this.#archives.unitsOf(operation)
    for (const unit of units) {
      if (opened.has(unit) || this.#logs.has(unit)) continue
      const log = await this.#archives.newest(unit)
      if (log !== undefined) opened.set(unit, log)
    }
    return [...opened].filter(([unit]) => !this.#logs.has(unit)).map(([, log]) => log)
  }

  /** Of the next line of each, always the oldest. */
  async *#merge(
    logs: readonly ReadableLog[],
    positions: Map<string, number>,
    { partial, sinceMs = 0 }: { partial: boolean; sinceMs?: number },
  ): AsyncGenerator<LogLine> {
    const sources = await Promise.all(logs.map(log => Source.open(log, positions.get(log.unit.record.unit) ?? 0, partial || log.isWhole)))
    for (;;) {
      let next: Source | undefined
      for (const source of sources) if (source.line !== undefined && (next === undefined || source.at < next.at)) next = source
      if (next?.line === undefined) return
      const { text, end } = next.line
      const { at, log } = next
      const { unit, labels } = log.unit.record
      positions.set(unit, end)
      if (at >= sinceMs) yield { unit, labels, at, text: this.#host.hide(text, labels.app), cursor: formatCursor(positions) }
      await next.advance()
    }
  }

  /** Keeps what the unit printed, where its folder goes; for an operation, to be read with what that said. */
  async archive(unit: Unit, operation?: string): Promise<void> {
    const { unit: name } = unit.record
    const log = this.#logs.get(name)
    if (log === undefined) return
    log.close()
    await this.#archives.keep(unit, log.store, operation)
    this.#logs.delete(name)
    this.#grew()
  }

  openArchives(): Promise<void> {
    return this.#archives.open()
  }

  close(): void {
    for (const log of this.#logs.values()) log.close()
    this.#logs.clear()
  }
}

/** One log's next line. */
class Source {
  readonly log: ReadableLog
  readonly #lines: AsyncGenerator<RawLine>
  line: RawLine | undefined
  at = 0

  private constructor(log: ReadableLog, lines: AsyncGenerator<RawLine>) {
    this.log = log
    this.#lines = lines
  }

  static async open(log: ReadableLog, offset: number, partial: boolean): Promise<Source> {
    const source = new Source(log, splitLines(log.store.read(offset), { partial }))
    await source.advance()
    return source
  }

  async advance(): Promise<void> {
    const next = await this.#lines.next()
    this.line = next.done === true ? undefined : next.value
    if (this.line !== undefined) this.at = this.log.store.timeOf(this.line.offset)
  }
}

async function firstOffset(store: ReadableLog['store'], { lines, sinceMs }: Options): Promise<number> {
  const since = sinceMs === undefined ? 0 : store.offsetSince(sinceMs)
  return lines === undefined ? since : Math.max(since, await store.offsetOfLast(lines))
}

async function* lastOf(lines: AsyncIterable<LogLine>, count: number): AsyncGenerator<LogLine> {
  const last: LogLine[] = []
  for await (const line of lines) {
    last.push(line)
    if (last.length > count) last.shift()
  }
  yield* last
}

/** Behind what was read of each unit: `web-1.0:123 web-1.1:99`. */
const formatCursor = (positions: ReadonlyMap<string, number>): string =>
  [...positions].map(([unit, offset]) => `${unit}:${offset}`).join(' ')
const parseCursor = (cursor = ''): Map<string, number> =>
  new Map([...cursor.matchAll(/([a-z0-9.-]+):(\d+)/g)].map(([, unit = '', offset]) => [unit, Number(offset)]))

/** A follower that goes away is no error. */
const endOnAbort = (signal: AbortSignal) => (error: unknown) => {
  if (!signal.aborted) throw error
}
