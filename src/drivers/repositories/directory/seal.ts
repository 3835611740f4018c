/**
 * Payload → zstd → age → file. A long payload is sealed in a thread of its own: who makes it reads and hashes on this one, and with
 * both on one thread a backup of files takes half as long again.
 */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { type MessagePort, Worker } from 'node:worker_threads'
import { type ErrorJson, FettleError, toFettleError } from '../../../core/errors.ts'
import { encryptAge } from '../../../lib/age.ts'
import { pour, rejoin, SLAB, SLABS, SlabPool } from '../../../lib/pieces.ts'
import { programPath } from '../../../lib/program-path.ts'
import { compressZstd, zstdCompressor } from '../../../lib/zstd.ts'

export interface Sealed {
  /** Of the stored bytes. */
  sha256: string
  storedBytes: number
}

export interface SealJob {
  path: string
  recipients: string[]
  /** Shared: filled here, compressed there. */
  slabs: SharedArrayBuffer[]
}
type ToThread = { slab: number; length: number } | 'end'
type FromThread = { free: number } | { sealed: Sealed } | { failed: ErrorJson }

/** A thread costs as much to start as sealing some ten megabytes. */
const LONG = 8 << 20
/** Sealing goes on while this much waits for the disk. */
const WRITE_AHEAD = 8 << 20

/** Writes a new file and fsyncs it. */
export async function seal(payload: AsyncIterable<Uint8Array>, path: string, recipients: string[]): Promise<Sealed> {
  const pieces = payload[Symbol.asyncIterator]()
  const head: Buffer[] = []
  for (let length = 0; length < LONG; ) {
    const { value, done } = await pieces.next()
    if (done === true) return writeSealed(compressZstd(rejoin(head, pieces)), path, recipients)
    head.push(Buffer.from(value))
    length += value.length
  }
  return sealInThread(rejoin(head, pieces), path, recipients)
}

async function writeSealed(compressed: AsyncIterable<Uint8Array>, path: string, recipients: string[]): Promise<Sealed> {
  const hash = createHash('sha256')
  let storedBytes = 0
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const piece of encryptAge(recipients, compressed)) {
      hash.update(piece)
      storedBytes += piece.length
      yield piece
    }
  }
  await pipeline(counted(), createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true, highWaterMark: WRITE_AHEAD }))
  return { sha256: hash.digest('hex'), storedBytes }
}

async function sealInThread(payload: AsyncIterable<Uint8Array>, path: string, recipients: string[]): Promise<Sealed> {
  const shared = Array.from({ length: SLABS }, () => new SharedArrayBuffer(SLAB))
  const slabs: Buffer[] = shared.map(memory => Buffer.from(memory))
  const pool = new SlabPool(slabs)
  const thread = new Worker(programPath('sealer'), { workerData: { path, recipients, slabs: shared } satisfies SealJob })
  const tell = (message: ToThread) => thread.postMessage(message)
  let hasEnded = false
  const answer = new Promise<Sealed>((resolve, reject) => {
    thread.on('message', (message: FromThread) => {
      if ('free' in message) pool.give(slabs[message.free] as Buffer)
      else if ('sealed' in message) resolve(message.sealed)
      else reject(FettleError.fromJSON(message.failed))
    })
    thread.on('error', reject)
    thread.on('exit', () => reject(new FettleError('INTERNAL', `the thread that writes ${path} ended`)))
  }).finally(() => {
    hasEnded = true
    // A producer that waits for a free slab goes on, and finds that it is over.
    pool.give(slabs[0] as Buffer)
  })
  try {
    const pouring = pour(
      payload,
      pool,
      (slab, length) => tell({ slab: slabs.indexOf(slab), length }),
      () => hasEnded,
    ).then(() => tell('end'))
    const [sealed] = await Promise.all([answer, pouring])
    return sealed
  } finally {
    answer.catch(() => {})
    await thread.terminate()
  }
}

/** The thread's side. */
export async function serveSealing(port: MessagePort, { path, recipients, slabs: shared }: SealJob): Promise<void> {
  const slabs = shared.map(memory => Buffer.from(memory))
  const tell = (message: FromThread) => port.postMessage(message)
  const compressor = zstdCompressor()
  port.on('message', (message: ToThread) => {
    if (message === 'end') compressor.end()
    else compressor.write(slabs[message.slab]?.subarray(0, message.length), () => tell({ free: message.slab }))
  })
  try {
    tell({ sealed: await writeSealed(compressor, path, recipients) })
  } catch (error) {
    tell({ failed: toFettleError(error, `writing ${path}`).toJSON() })
  }
}
