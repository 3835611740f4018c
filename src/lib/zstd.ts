/**
 * zstd as independent frames, one after the other. `zstd -d` takes that as any other file; Node 24 does not: its own stream silently
 * stops after the first frame, and gives an empty result when asked for more workers (seen in 24.21). Frames can be made and expanded
 * several at a time. Before each lies a skippable frame with its length, so that a reader can cut the stream
 * without parsing it (RFC 8878, 3.1.2).
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { FettleError } from '../core/errors.ts'

const compress = promisify(zstdCompress)
const expand = promisify(zstdDecompress)

/** The content of a full frame: four times the window of level 3, so that what frames can not learn from each other costs some 2 %. */
export const FRAME_SIZE = 8 << 20
/** While one frame is awaited, the others go on. */
const IN_FLIGHT = 3
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 }
const SKIPPABLE = 0x184d2a50
/** Magic, length of what follows (8), bytes of the frame, bytes of its content: four 32-bit numbers, little-endian. */
const HEAD = 16

/** One frame of at most FRAME_SIZE, with its head. The content must stay as it is until then. */
export async function zstdFrame(content: Uint8Array): Promise<[head: Buffer, frame: Buffer]> {
  // The result comes in pieces of this size, and is copied when it needs a second: half is more than what compresses at all.
  const frame = await compress(content, { chunkSize: (content.length >> 1) + 1024, params: LEVEL })
  const head = Buffer.alloc(HEAD)
  for (const [index, value] of [SKIPPABLE, HEAD - 8, frame.length, content.length].entries()) head.writeUInt32LE(value, index * 4)
  return [head, frame]
}

/** @throws DAMAGED when the stream is cut short, changed, or none of such frames */
export async function* expandFrames(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const running: Promise<Buffer>[] = []
  try {
    for await (const { frame, size } of framesOf(stream)) {
      const expanding = contentOf(frame, size)
      // It may fail while an earlier one is awaited; the failure is thrown when it is its turn.
      expanding.catch(() => {})
      running.push(expanding)
      if (running.length >= IN_FLIGHT) yield (await running.shift()) as Buffer
    }
    while (running.length > 0) yield (await running.shift()) as Buffer
  } finally {
    await Promise.allSettled(running)
  }
}

async function contentOf(frame: Buffer, size: number): Promise<Buffer> {
  const content = await expand(frame, { chunkSize: Math.max(size, 64), maxOutputLength: FRAME_SIZE }).catch(cause => {
    throw damaged('has a frame that does not expand', cause)
  })
  if (content.length !== size) throw damaged(`has a frame of ${content.length} bytes instead of ${size}`)
  return content
}

async function* framesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<{ frame: Buffer; size: number }> {
  let waiting: Buffer[] = []
  let length = 0
  let wanted = HEAD
  for await (const piece of stream) {
    waiting.push(Buffer.from(piece))
    length += piece.length
    if (length < wanted) continue
    let all = Buffer.concat(waiting)
    for (wanted = neededFor(all); wanted > HEAD && all.length >= wanted; wanted = neededFor(all)) {
      yield { frame: all.subarray(HEAD, wanted), size: all.readUInt32LE(12) }
      all = all.subarray(wanted)
    }
    waiting = [all]
    length = all.length
  }
  if (length > 0) throw damaged('is cut short')
}

/** Bytes until the end of the frame that begins here; HEAD while even that is not known. */
function neededFor(bytes: Buffer): number {
  if (bytes.length < HEAD) return HEAD
  if (bytes.readUInt32LE(0) !== SKIPPABLE || bytes.readUInt32LE(4) !== HEAD - 8) throw damaged('is none that fettle wrote')
  const needed = HEAD + bytes.readUInt32LE(8)
  if (needed > 2 * FRAME_SIZE || bytes.readUInt32LE(12) > FRAME_SIZE) throw damaged('has a frame that is too large')
  return needed
}

const damaged = (what: string, cause?: unknown) => new FettleError('DAMAGED', `the zstd stream ${what}`, { cause })
