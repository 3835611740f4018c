/**
 * How far somebody has read in many logs. Its text is the cursor: `<until> <log>:<offset> <log>:end …`. Logs of units that are gone are
 * listed only while they may have more, for there may be hundreds: what is not listed and ended before `until` has been read.
 */
import type { ReadableLog } from './readable-log.ts'

export class LogProgress {
  #until: number
  readonly #logs: Map<string, { offset: number; end: number }>

  private constructor(until: number, logs: [string, number][]) {
    this.#until = until
    this.#logs = new Map(logs.map(([id, offset]) => [id, { offset, end: Number.POSITIVE_INFINITY }]))
  }

  static begin(): LogProgress {
    return new LogProgress(0, [])
  }

  static parse(cursor: string): LogProgress {
    const logs = [...cursor.matchAll(/ ([^ :]+):(\d+|end)/g)].map(([, id = '', offset]): [string, number] => [
      id,
      offset === 'end' ? Number.POSITIVE_INFINITY : Number(offset),
    ])
    return new LogProgress(Number.parseInt(cursor, 10) || 0, logs)
  }

  toString(): string {
    const logs = [...this.#logs].map(([id, { offset }]) => ` ${id}:${offset === Number.POSITIVE_INFINITY ? 'end' : offset}`)
    return `${this.#until}${logs.join('')}`
  }

  has(log: ReadableLog): boolean {
    return this.#logs.has(log.id)
  }

  /** Behind what was read; Infinity: all of it. */
  offsetIn(log: ReadableLog): number {
    const known = this.#logs.get(log.id)
    if (known === undefined) return log.end < this.#until ? Number.POSITIVE_INFINITY : 0
    known.end = log.end
    return known.offset
  }

  read({ id, end }: ReadableLog, offset: number): void {
    this.#logs.set(id, { offset, end })
  }

  readAll(log: ReadableLog): void {
    if (log.isWhole) this.read(log, Number.POSITIVE_INFINITY)
  }

  /** Everything before a time was read, or is not wanted. */
  passed(at: number): void {
    this.#until = Math.max(this.#until, Math.floor(at))
  }

  /** Keeps the text short. */
  tidy(): void {
    for (const [id, { offset, end }] of this.#logs) if (offset === Number.POSITIVE_INFINITY && end < this.#until) this.#logs.delete(id)
  }
}
