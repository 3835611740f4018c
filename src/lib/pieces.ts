/** Streams of bytes in pieces, where a piece's memory may be used again once the next is asked for. */

/** What was taken from an iterator already, and then the rest of it. Ends the iterator when its reader stops. */
export async function* rejoin(taken: Iterable<Uint8Array>, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* taken
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

/** What is handed to another thread at once, and how much may be on its way: fewer trips, or less memory. */
export const SLAB = 1 << 20
export const SLABS = 4

/** A few buffers used again and again: fresh ones cost as much as what is done with them (page faults, collections). */
export class SlabPool {
  readonly #free: Buffer[]
  #waiting: ((slab: Buffer) => void) | undefined

  constructor(slabs: Buffer[]) {
    this.#free = [...slabs]
  }

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

/** Copies the pieces into slabs and puts each full one; stops early when nobody takes them any more. */
export async function pour(
  input: AsyncIterable<Uint8Array>,
  pool: SlabPool,
  put: (slab: Buffer, length: number) => void,
  isStopped: () => boolean,
): Promise<void> {
  let slab = await pool.take()
  let filled = 0
  for await (const piece of input) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + slab.length - filled)
      slab.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < slab.length) continue
      put(slab, filled)
      slab = await pool.take()
      filled = 0
      if (isStopped()) return
    }
  }
  if (filled > 0) put(slab, filled)
}
