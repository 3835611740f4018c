/** Lines of many logs as one stream by time. Each log is opened only when its time comes: there may be hundreds, a few overlap. */
import type { LogProgress } from './log-progress.ts'
import { linesOf, openLog, type ReadableLog, type TimedLine } from './readable-log.ts'

export interface MergeOptions {
  /** What has no newline yet is a line too. */
  partial: boolean
  sinceMs: number
  /** Nothing can come later that is older. */
  nowMs: number
}

export interface MergedLine {
  log: ReadableLog
  line: TimedLine
}

/** Of the next line of each, always the oldest. Notes in `progress` what was read before it yields it. */
export async function* mergeLogs(
  logs: readonly ReadableLog[],
  progress: LogProgress,
  { partial, sinceMs, nowMs }: MergeOptions,
): AsyncGenerator<MergedLine> {
  const pending = logs.filter(log => progress.offsetIn(log) !== Number.POSITIVE_INFINITY).sort((a, b) => b.begin - a.begin)
  const sources: Source[] = []
  try {
    for (;;) {
      for (let log = pending.at(-1); log !== undefined && log.begin <= timeOf(oldest(sources)); log = pending.at(-1)) {
        pending.pop()
        const source = await Source.open(log, progress, { partial, sinceMs })
        if (source.line === undefined) progress.readAll(log)
        else sources.push(source)
      }
      const next = oldest(sources)
      if (next?.line === undefined) return
      const { log, line } = next
      progress.read(log, line.end)
      progress.passed(Math.min(line.at, nowMs))
      if (line.at >= sinceMs) yield { log, line }
      await next.advance()
      if (next.line !== undefined) continue
      sources.splice(sources.indexOf(next), 1)
      progress.readAll(log)
    }
  } finally {
    await Promise.all(sources.map(source => source.close()))
  }
}

function oldest(sources: readonly Source[]): Source | undefined {
  let found: Source | undefined
  for (const source of sources) if (timeOf(source) < timeOf(found)) found = source
  return found
}

const timeOf = (source: Source | undefined): number => source?.line?.at ?? Number.POSITIVE_INFINITY

/** One log's next line. */
class Source {
  readonly log: ReadableLog
  readonly #lines: AsyncGenerator<TimedLine>
  line: TimedLine | undefined

  private constructor(log: ReadableLog, lines: AsyncGenerator<TimedLine>) {
    this.log = log
    this.#lines = lines
  }

  static async open(
    log: ReadableLog,
    progress: LogProgress,
    { partial, sinceMs }: Pick<MergeOptions, 'partial' | 'sinceMs'>,
  ): Promise<Source> {
    const content = await openLog(log)
    const known = progress.has(log) ? progress.offsetIn(log) : content.offsetSince(sinceMs)
    // It was truncated by hand when it is shorter than what was read of it: offsets begin again.
    const from = known > log.to ? 0 : known
    progress.tidy()
    progress.read(log, from)
    const source = new Source(log, linesOf(log, content, { from, partial }))
    await source.advance()
    return source
  }

  async advance(): Promise<void> {
    const next = await this.#lines.next()
    this.line = next.done === true ? undefined : next.value
  }

  async close(): Promise<void> {
    await this.#lines.return(undefined)
  }
}
