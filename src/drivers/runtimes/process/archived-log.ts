/** The log of a unit that is gone: `<stamp>.log.zst`, and in `<stamp>.json` whose it was and when its parts came. */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import { parseKept } from '../../../lib/kept-file.ts'
import type { Labels } from '../../../ports/runtime.ts'
import { type Mark, offsetBefore, timeAt } from './log-marks.ts'
import type { Chunk, LogContent } from './readable-log.ts'

export interface ArchiveIndex {
  format: 1
  labels: Labels
  /** It ran there, on copies: what it said is none of the live service's words. */
  sandbox?: string
  /** Offset of the first byte; what came before it was dropped. */
  from: number
  marks: Mark[]
}

/** Of one log, by the path of its files without their endings. */
export const indexFile = (base: string): string => `${base}.json`
export const textFile = (base: string): string => `${base}.log.zst`

/** @throws FettleError VERSION when a newer fettle wrote it */
export async function readIndex(base: string): Promise<ArchiveIndex> {
  const path = indexFile(base)
  const hint = `Remove it; what was said can still be read: \`zstd -dc ${textFile(base)}\`.`
  return parseKept<ArchiveIndex>(await readFile(path, 'utf8'), { path, hint, what: textFile(base) })
}

/** Its times stay in memory until it is closed, so it is to be opened only when it is read. */
export async function openArchive(base: string): Promise<LogContent> {
  const { from, marks } = await readIndex(base)
  return {
    read: offset => unpack(textFile(base), from, offset),
    timeOf: offset => timeAt(marks, offset, marks.at(-1)?.[1] ?? 0),
    offsetSince: at => offsetBefore(marks, at),
    offsetOfLast: count => offsetOfLast(unpack(textFile(base), from, 0), count),
  }
}

/** Node's own 16 KiB make four times as many turns of the loop. */
const CHUNK_BYTES = 64 << 10

/** So many lines are told apart by where they begin: there may be millions. */
const STEP = 256

/** Where at least so many lines begin, as far as it can be read. */
async function offsetOfLast(chunks: AsyncIterable<Chunk>, count: number): Promise<number> {
  const most = Math.ceil(count / STEP) + 1
  const starts = [0]
  let lines = 0
  try {
    for await (const { offset, bytes } of chunks) {
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
        lines += 1
        if (lines % STEP === 0 && starts.push(offset + at + 1) > most) starts.shift()
      }
    }
  } catch {
    // Whoever reads on from there meets the same damage, and tells of it.
  }
  return starts[0] ?? 0
}

/** Always as a stream: a few megabytes of zstd may hold gigabytes of one line said over and over. */
async function* unpack(path: string, from: number, offset: number): AsyncGenerator<Chunk> {
  let at = from
  // Whoever reads on gets the error of either, and who stops early closes both.
  const unpacked: AsyncIterable<Buffer> = pipeline(
    createReadStream(path),
    createZstdDecompress({ chunkSize: CHUNK_BYTES }),
    () => undefined,
  )
  for await (const bytes of unpacked) {
    const skipped = Math.max(0, offset - at)
    if (skipped < bytes.length) yield { offset: at + skipped, bytes: bytes.subarray(skipped) }
    at += bytes.length
  }
}
