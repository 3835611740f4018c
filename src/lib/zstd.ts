/** Standard zstd as streams: one frame, compressed and expanded beside this thread. */
import type { Transform } from 'node:stream'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'

/** Level 3 is zstd's default. More workers are not asked for: Node 24 then gives an empty stream without an error (seen in 24.21). */
const PARAMETERS = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 }
/** What is handed over at once, and how much may wait: more trips to the other thread, or more memory. */
const SLAB = 1 << 20
const SLABS = 4
const COMPRESSED_PIECE = 256 * 1024

/** Copies each piece before it asks for the next, and asks for more while it compresses. */
export const compressZstd = (payload: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> =>
  through(createZstdCompress({ chunkSize: COMPRESSED_PIECE, params: PARAMETERS }), payload)

/** Node notices not every cut, and stops after the first frame: the caller compares what came with the length it should have. */
export const expandZstd = (stored: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> =>
  through(createZstdDecompress({ chunkSize: SLAB }), stored)

async function* through(stream: Transform, input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const feeding = feed(stream, input).catch(error => {
    stream.destroy(error)
  })
  try {
    yield* stream as AsyncIterable<Buffer>
  } finally {
    await feeding
  }
}

async function feed(stream: Transform, input: AsyncIterable<Uint8Array>): Promise<void> {
  const pool = new SlabPool()
  let slab = await pool.take()
  let filled = 0
  for await (const piece of input) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + SLAB - filled)
      slab.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < SLAB) continue
      const full = slab
      stream.write(full, () => pool.give(full))
      slab = await pool.take()
      filled = 0
      // Its reader went away: pending writes were called back, and nobody wants more.
      if (stream.destroyed) return
    }
  }
  stream.end(slab.subarray(0, filled))
}

/** A few buffers used again and again: fresh ones cost as much as the compression of what is in them (page faults, collections). */
class SlabPool {
  readonly #free: Buffer[] = Array.from({ length: SLABS }, () => Buffer.allocUnsafeSlow(SLAB))
  #waiting: ((slab: Buffer) => void) | undefined

  async take(): Promise<Buffer> {
    return this.#free.pop() ?? new Promise(resolve => (this.#waiting = resolve))
  }

  give(slab: Buffer): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#free.push(slab)
    else waiting(slab)
  }
}
