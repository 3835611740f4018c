/**
 * Where the last so many lines of many logs begin. Lines are counted, not held: somebody may ask for a million of them. Logs are looked
 * through from the newest end on, and no more of them than may hold one of these lines.
 */
import type { MergeOptions } from './log-merge.ts'
import type { LogProgress } from './log-progress.ts'
import { linesOf, openLog, type ReadableLog } from './readable-log.ts'

interface Tail {
  runs: Run[]
  /** Behind the last line. */
  end: number
  /** There are lines before these. */
  isCut: boolean
}

/** Lines that follow each other in one log: where they begin, when the first of them came. */
interface Run {
  offset: number
  at: number
  lines: number
}

/** So many are told apart by where they begin; more costs memory, fewer means to read more than is shown. */
const LONGEST_RUN = 256

/** Sets `progress` to where to begin in each. @returns how many lines follow there that are not among the last */
export async function beginAtLast(
  count: number,
  logs: readonly ReadableLog[],
  progress: LogProgress,
  options: MergeOptions,
): Promise<number> {
  const runs: Run[] = []
  let sinceMs = Math.max(options.sinceMs, timeOfLast(count, runs))
  for (const log of logs.toSorted((a, b) => (a.end === b.end ? 0 : b.end - a.end))) {
    if (log.end < sinceMs) {
      progress.readAll(log)
      continue
    }
    const tail = await tailOf(log, count, options)
    // Of hundreds of logs only those are listed in every cursor that do not begin with their beginning.
    if (!log.isWhole || tail.isCut) progress.read(log, tail.runs[0]?.offset ?? tail.end)
    runs.push(...tail.runs)
    sinceMs = Math.max(options.sinceMs, timeOfLast(count, runs))
  }
  progress.passed(Math.min(sinceMs, options.nowMs))
  progress.tidy()
  return Math.max(0, linesIn(runs) - count)
}

const linesIn = (runs: readonly Run[]): number => runs.reduce((sum, { lines }) => sum + lines, 0)

/** A time since which there are as many lines as that; 0: there are fewer. */
function timeOfLast(count: number, runs: readonly Run[]): number {
  if (linesIn(runs) < count) return 0
  let missing = count
  const isEnough = ({ lines }: Run) => {
    missing -= lines
    return missing <= 0
  }
  return count === 0 ? Number.POSITIVE_INFINITY : (runs.toSorted((a, b) => b.at - a.at).find(isEnough)?.at ?? 0)
}

/** The last lines of one log, or a few more; without any, where it ends. */
async function tailOf(log: ReadableLog, count: number, { partial, sinceMs }: MergeOptions): Promise<Tail> {
  const content = await openLog(log)
  const last = (await content.offsetOfLast?.(Math.max(1, count), log.to)) ?? 0
  const from = Math.max(content.offsetSince(sinceMs), last)
  const runs: Run[] = []
  let lines = 0
  let end = from
  let isCut = from > 0
  for await (const line of linesOf(log, content, { from, partial })) {
    end = line.end
    isCut ||= line.at < sinceMs
    if (line.at < sinceMs) continue
    const run = runs.at(-1)
    if (run === undefined || run.lines === LONGEST_RUN) runs.push({ offset: line.offset, at: line.at, lines: 1 })
    else run.lines += 1
    lines += 1
    for (let first = runs[0]; first !== undefined && lines - first.lines >= count; first = runs[0]) {
      lines -= first.lines
      runs.shift()
      isCut = true
    }
  }
  return { runs, end, isCut }
}
