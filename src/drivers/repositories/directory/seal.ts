/**
 * Payload → zstd → age → file. A long payload is sealed in a thread of its own, because who makes it reads and hashes on this one. What
 * passes between the two are large slabs of shared memory: with streams and messages, half of the time went into them.
 */
import { createHash } from 'node:crypto'
import { closeSync, fdatasync, fsyncSync, openSync, writeSync, writevSync } from 'node:fs'
import { type MessagePort, Worker } from 'node:worker_threads'
import { type ErrorJson, FettleError, toFettleError } from '../../../core/errors.ts'
import { type AgeSealer, createAgeSealer } from '../../../lib/age.ts'
import { programPath } from '../../../lib/program-path.ts'
import { FRAME_SIZE, zstdFrame } from '../../../lib/zstd.ts'

export interface Sealed {
  /** Of the stored bytes. */
  sha256: string
  storedBytes: number
}

/** What the thread is given. */
export interface SealJob {
  path: string
  recipients: string[]
  slabs: SharedArrayBuffer[]
  /** A number for each slab: FREE, LAST, or how many bytes wait in it. */
  state: SharedArrayBuffer
}
type Answer = { sealed: Sealed } | { failed: ErrorJson }

/** A payload longer than this gets a thread, which starts while the first slab is filled. */
const LONG = 1 << 20
/** Compressed at the same time. */
const IN_FLIGHT = 2
/** One is filled, one waits. */
const SLABS = IN_FLIGHT + 2
/** Written while it is still in the processor's cache. */
const AT_ONCE = 256 * 1024
const FREE = 0
const LAST = -1

/** Writes a new file and fsyncs it. A short payload is sealed on this thread. */
export async function seal(payload: AsyncIterable<Uint8Array>, path: string, recipients: string[]): Promise<Sealed> {
  const shared = new SharedArrayBuffer(FRAME_SIZE)
  const first = Buffer.from(shared)
  let thread: SealThread | undefined
  let filled = 0
  try {
    for await (const piece of payload) {
      if (filled + piece.length > LONG) thread ??= new SealThread(shared, path, recipients)
      for (let at = 0; at < piece.length; ) {
        if (filled === FRAME_SIZE) {
          await thread?.next()
          filled = 0
        }
        const part = piece.subarray(at, at + FRAME_SIZE - filled)
        const slab = thread?.slab ?? first
        slab.set(part, filled)
        filled += part.length
        at += part.length
      }
    }
    return await (thread === undefined ? sealHere(first.subarray(0, filled), path, recipients) : thread.end(filled))
  } finally {
    await thread?.stop()
  }
}

async function sealHere(content: Buffer, path: string, recipients: string[]): Promise<Sealed> {
  const file = new SealedFile(path, await createAgeSealer(recipients))
  try {
    file.write(await zstdFrame(content))
    return file.end()
  } finally {
    file.close()
  }
}

/** Blocks while it works. */
class SealedFile {
  readonly #fd: number
  readonly #sealer: AgeSealer
  readonly #hash = createHash('sha256')
  #bytes = 0

  constructor(path: string, sealer: AgeSealer) {
    this.#fd = openSync(path, 'wx', 0o600)
    this.#sealer = sealer
    this.#put([sealer.header])
  }

  write(pieces: Buffer[]): void {
    for (const piece of pieces) this.#put(this.#sealer.update(piece))
    // Begins to write out what is there, so that the last one has little left to wait for; that one reports what fails.
    fdatasync(this.#fd, () => {})
  }

  end(): Sealed {
    this.#put(this.#sealer.final())
    fsyncSync(this.#fd)
    return { sha256: this.#hash.digest('hex'), storedBytes: this.#bytes }
  }

  close(): void {
    closeSync(this.#fd)
  }

  #put(pieces: Iterable<Buffer>): void {
    let waiting: Buffer[] = []
    let length = 0
    for (const piece of pieces) {
      this.#hash.update(piece)
      waiting.push(piece)
      length += piece.length
      if (length < AT_ONCE) continue
      this.#writeAll(waiting, length)
      waiting = []
      length = 0
    }
    if (length > 0) this.#writeAll(waiting, length)
  }

  #writeAll(pieces: Buffer[], length: number): void {
    const written = writevSync(this.#fd, pieces)
    // A disk that is full takes a part; writing the rest says why.
    if (written < length) writeSync(this.#fd, Buffer.concat(pieces).subarray(written))
    this.#bytes += length
  }
}

/** The filling side. */
class SealThread {
  readonly #thread: Worker
  readonly #slabs: Buffer[]
  readonly #state: Int32Array
  readonly #answer: Promise<Sealed>
  #at = 0

  constructor(first: SharedArrayBuffer, path: string, recipients: string[]) {
    const slabs = [first, ...Array.from({ length: SLABS - 1 }, () => new SharedArrayBuffer(FRAME_SIZE))]
    const state = new SharedArrayBuffer(SLABS * Int32Array.BYTES_PER_ELEMENT)
    this.#slabs = slabs.map(slab => Buffer.from(slab))
    this.#state = new Int32Array(state)
    this.#thread = new Worker(programPath('sealer'), { workerData: { path, recipients, slabs, state } satisfies SealJob })
    this.#answer = new Promise<Sealed>((resolve, reject) => {
      this.#thread.on('message', (answer: Answer) =>
        'sealed' in answer ? resolve(answer.sealed) : reject(FettleError.fromJSON(answer.failed)),
      )
      this.#thread.on('error', reject)
      this.#thread.on('exit', () => reject(new FettleError('INTERNAL', `the thread that writes ${path} ended`)))
    })
    // It may fail while a slab is being filled; whoever waits next gets the failure.
    this.#answer.catch(() => {})
  }

  /** The slab to fill. */
  get slab(): Buffer {
    return this.#slabs[this.#at] as Buffer
  }

  /** Hands over the full slab and waits for a free one. */
  async next(): Promise<void> {
    await this.#hand(FRAME_SIZE)
  }

  /** Hands over what is in the slab, and that it was the last. */
  async end(filled: number): Promise<Sealed> {
    await this.#hand(filled)
    await this.#hand(LAST)
    return this.#answer
  }

  async stop(): Promise<void> {
    await this.#thread.terminate()
  }

  async #hand(state: number): Promise<void> {
    Atomics.store(this.#state, this.#at, state)
    Atomics.notify(this.#state, this.#at)
    this.#at = (this.#at + 1) % SLABS
    for (let held = Atomics.load(this.#state, this.#at); held !== FREE; held = Atomics.load(this.#state, this.#at)) {
      const waiting = Atomics.waitAsync(this.#state, this.#at, held)
      if (waiting.async) await Promise.race([waiting.value, this.#answer])
    }
  }
}

/** The thread's side. */
export async function serveSealing(port: MessagePort, job: SealJob): Promise<void> {
  // Waiting for a slab keeps no thread alive: one whose producer pauses would end.
  const alive = setInterval(() => {}, 60_000)
  try {
    port.postMessage({ sealed: await takeSlabs(job) } satisfies Answer)
  } catch (error) {
    port.postMessage({ failed: toFettleError(error, `writing ${job.path}`).toJSON() } satisfies Answer)
  } finally {
    clearInterval(alive)
  }
}

async function takeSlabs({ path, recipients, slabs: shared, state: sharedState }: SealJob): Promise<Sealed> {
  const slabs = shared.map(slab => Buffer.from(slab))
  const state = new Int32Array(sharedState)
  const file = new SealedFile(path, await createAgeSealer(recipients))
  const running: Promise<void>[] = []
  let written = Promise.resolve()
  /** Compressed at once, written in turn. */
  async function take(at: number, length: number, before: Promise<void>): Promise<void> {
    const frame = await zstdFrame((slabs[at] as Buffer).subarray(0, length))
    await before
    file.write(frame)
    Atomics.store(state, at, FREE)
    Atomics.notify(state, at)
  }
  try {
    for (let at = 0; ; at = (at + 1) % SLABS) {
      const length = await changed(state, at, FREE)
      if (length === LAST) break
      written = take(at, length, written)
      running.push(written)
      // A failure is thrown when it is its turn, below.
      written.catch(() => {})
      if (running.length >= IN_FLIGHT) await running.shift()
    }
    await written
    return file.end()
  } finally {
    await Promise.allSettled(running)
    file.close()
  }
}

/** What stands there once it is no longer `value`. */
async function changed(state: Int32Array, at: number, value: number): Promise<number> {
  for (;;) {
    const now = Atomics.load(state, at)
    if (now !== value) return now
    const waiting = Atomics.waitAsync(state, at, value)
    if (waiting.async) await waiting.value
  }
}
