/** One log's lines, whether its unit runs or is gone. */
import type { Labels, UnitName } from '../../../ports/runtime.ts'
import { type RawLine, splitLines } from './log-lines.ts'

export interface ReadableLog {
  /** Of this log alone: a unit that comes again under its name has another one. No space or colon in it. */
  id: string
  unit: UnitName
  labels: Labels
  /** Nothing more comes: a last line without a newline is a line. */
  isWhole: boolean
  /** Wall clock, ms: no line is older, none newer. 0 and Infinity of one that runs. */
  begin: number
  end: number
  /** What lies behind this offset came after it was asked for. */
  to: number
  open(): Promise<LogContent>
}

export type Chunk = { offset: number; bytes: Buffer }

export interface LogContent {
  /** From an offset, or the oldest that is left. */
  read(from: number): AsyncIterable<Chunk>
  timeOf(offset: number): number
  /** Where to begin to read for everything since a time. */
  offsetSince(at: number): number
  /** Where the last lines before an offset begin, when that costs less than to read all. */
  offsetOfLast?(count: number, before: number): Promise<number>
}

export interface TimedLine extends RawLine {
  at: number
}

/** One of a unit that is gone may be damaged, which shows when it is read. */
export async function openLog(log: ReadableLog): Promise<LogContent> {
  try {
    return await log.open()
  } catch (error) {
    if (!log.isWhole) throw error
    return { read: () => failing(error), timeOf: () => log.end, offsetSince: () => 0 }
  }
}

// biome-ignore lint/correctness/useYield: it never comes that far
async function* failing(error: unknown): AsyncGenerator<Chunk> {
  throw error
}

/** A log of a unit that is gone and that can not be read says so in its last line: it must not hide the others. */
export async function* linesOf(
  log: ReadableLog,
  content: LogContent,
  { from, partial }: { from: number; partial: boolean },
): AsyncGenerator<TimedLine> {
  let end = from
  try {
    for await (const line of splitLines(upTo(content.read(from), log.to), { partial: partial || log.isWhole })) {
      end = line.end
      yield { ...line, at: content.timeOf(line.offset) }
    }
  } catch (error) {
    if (!log.isWhole) throw error
    yield { text: `(fettle can not read what else ${log.unit} said: ${(error as Error).message})`, offset: end, end, at: log.end }
  }
}

async function* upTo(chunks: AsyncIterable<Chunk>, to: number): AsyncGenerator<Chunk> {
  for await (const { offset, bytes } of chunks) {
    if (offset < to) yield { offset, bytes: bytes.subarray(0, to - offset) }
    if (offset + bytes.length >= to) return
  }
}
