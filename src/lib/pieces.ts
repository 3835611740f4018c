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
