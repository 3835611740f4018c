/** Standard zstd as streams: one frame, compressed and expanded beside this thread. */
import type { Transform } from 'node:stream'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { pour, SLAB, SLABS, SlabPool } from './pieces.ts'

/** Level 3 is zstd's default. More workers are not asked for: Node 24 then gives an empty stream without an error (seen in 24.21). */
const PARAMETERS = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 }
const COMPRESSED_PIECE = 256 * 1024

export const zstdCompressor = (): Transform => createZstdCompress({ chunkSize: COMPRESSED_PIECE, params: PARAMETERS })

/** Copies each piece before it asks for the next, and asks for more while it compresses. */
export const compressZstd = (payload: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> => through(zstdCompressor(), payload)

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
  const pool = new SlabPool(Array.from({ length: SLABS }, () => Buffer.allocUnsafeSlow(SLAB)))
  const put = (slab: Buffer, length: number) => stream.write(slab.subarray(0, length), () => pool.give(slab))
  // Destroyed: its reader went away, and pending writes were called back.
  await pour(input, pool, put, () => stream.destroyed)
  stream.end()
}
