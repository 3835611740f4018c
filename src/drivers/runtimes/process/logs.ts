/** The logs of all units: read, merged by time, followed, archived. */
import type { Labels, LogLine, Runtime } from '../../../ports/runtime.ts'
import { Archives, logId } from './archives.ts'
import { Changes } from './changes.ts'
import { matches } from './group-files.ts'
import type { Host } from './host.ts'
import { beginAtLast } from './last-lines.ts'
import { splitLines } from './log-lines.ts'
import { mergeLogs } from './log-merge.ts'
import { LogProgress } from './log-progress.ts'
import { LogStore } from './log-store.ts'
import type { Chunk, LogContent, ReadableLog, TimedLine } from './readable-log.ts'
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
    const from = await store.offsetOfLast(lines, await store.size())
    for await (const { text } of splitLines(store.read(from), { partial: true })) {
      texts.push(text)
      if (texts.length > lines) texts.shift()
    }
    return this.#host.hide(texts.join('\n'), unit.record.labels.app)
  }

  async *lines(selector: Partial<Labels>, options: Options, signal: AbortSignal): AsyncGenerator<LogLine> {
    const { cursor, follow, lines: count } = options
    const progress = cursor === undefined ? LogProgress.begin() : LogProgress.parse(cursor)
    let sinceMs = cursor === undefined ? (options.sinceMs ?? 0) : 0
    const shown = this.#shownAt(progress)
    progress.passed(Math.min(sinceMs, this.#host.clock.now()))
    for (let isFirst = cursor === undefined; !signal.aborted; isFirst = false) {
      const seen = this.#growths
      const merge = { partial: !follow, sinceMs, nowMs: this.#host.clock.now() }
      const logs = await this.#chosen(selector, progress)
      let surplus = isFirst && count !== undefined ? await beginAtLast(count, logs, progress, merge) : 0
      for await (const { log, line } of mergeLogs(logs, progress, merge)) if (surplus-- <= 0) yield shown(log, line)
      if (!follow) return
      // What comes from now on is new, also where the clock was set back.
      sinceMs = 0
      await this.#changes
        .until(() => (this.#growths !== seen || signal.aborted ? true : undefined), 'more lines', signal)
        .catch(endOnAbort(signal))
    }
  }

  #shownAt(progress: LogProgress): (log: ReadableLog, line: TimedLine) => LogLine {
    const hiders = new Map<string, (line: string) => string>()
    return ({ id, unit, labels }, { at, text }) => {
      const hide = hiders.get(id) ?? this.#host.hideLines(labels.app)
      hiders.set(id, hide)
      return { unit, labels, at, text: hide(text), cursor: progress.toString() }
    }
  }

  /** As they are now: what comes later is the next round's, so that none waits for one that never stops talking. */
  async #chosen(selector: Partial<Labels>, progress: LogProgress): Promise<ReadableLog[]> {
    const live = [...this.#logs.values()].filter(({ unit }) => matches(unit.record.labels, selector))
    const gone = this.#archives.find(selector, log => progress.has(log)).filter(({ id, unit }) => !this.#isLive(unit, id))
    return [...gone, ...(await Promise.all(live.map(log => this.#readable(log))))]
  }

  #isLive(unit: string, id: string): boolean {
    const log = this.#logs.get(unit)
    return log !== undefined && logId(log.unit.record) === id
  }

  async #readable({ unit: { record }, store }: WatchedLog): Promise<ReadableLog> {
    const { unit, labels } = record
    const id = logId(record)
    const orGone = <T>(work: Promise<T>, otherwise: T) => work.catch(error => this.#requireGone(error, unit, id, otherwise))
    const to = await orGone(store.readableBytes(), Number.POSITIVE_INFINITY)
    const content: LogContent = {
      read: from => this.#read(unit, id, store, from),
      timeOf: offset => store.timeOf(offset),
      offsetSince: at => store.offsetSince(at),
      offsetOfLast: (count, before) => orGone(store.offsetOfLast(count, before), 0),
    }
    return { id, unit, labels, isWhole: false, begin: 0, end: Number.POSITIVE_INFINITY, to, open: async () => content }
  }

  #requireGone<T>(error: unknown, unit: string, id: string, otherwise: T): T {
    if (this.#isLive(unit, id)) throw error
    return otherwise
  }

  /** Goes on in the archive when the unit is removed meanwhile, and maybe another one in its place. */
  async *#read(unit: string, id: string, store: LogStore, from: number): AsyncGenerator<Chunk> {
    let at = from
    try {
      for await (const chunk of store.read(from)) {
        if (!this.#isLive(unit, id)) break
        yield chunk
        at = chunk.offset + chunk.bytes.length
      }
    } catch (error) {
      this.#requireGone(error, unit, id, undefined)
    }
    if (!this.#isLive(unit, id)) yield* (await this.#archives.content(id)).read(at)
  }

  /** Keeps what the unit printed, where its folder goes; for an operation, to be read with what that said. */
  async archive(unit: Unit, operation?: string): Promise<void> {
    const { unit: name } = unit.record
    const log = this.#logs.get(name)
    if (log === undefined) return
    log.close()
    await this.#archives.keep(unit.record, log.store, operation)
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

/** A follower that goes away is no error. */
const endOnAbort = (signal: AbortSignal) => (error: unknown) => {
  if (!signal.aborted) throw error
}
