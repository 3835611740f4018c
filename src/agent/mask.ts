/** What a command prints on its way to whoever runs it: bytes in, pieces with the secrets hidden out, as fast as they are taken. */
import type { MaskedPiece } from '../api/views.ts'
import type { RedactedStream } from '../lib/redact.ts'
import type { Clock } from '../ports/clock.ts'

/**
 * How long what may be the beginning of a secret is held back from somebody who sits before it: a prompt or the echo of a key must not
 * wait for what comes after it. It gives nothing away: a program writes a secret in one piece, so that its rest is here long before.
 */
const HOLD_MS = 50

export interface MaskOptions {
  clock: Clock
  /** Somebody sits before it. */
  live: boolean
}

export async function* maskedPieces(
  stream: RedactedStream,
  bytes: AsyncIterable<Uint8Array>,
  { clock, live }: MaskOptions,
): AsyncGenerator<MaskedPiece> {
  const chunks = bytes[Symbol.asyncIterator]()
  let next = chunks.next()
  for (;;) {
    const came = live && stream.held > 0 ? await within(next, clock) : await next
    if (came?.done === true) break
    if (came === undefined) {
      yield pieceOf(stream, 0, () => stream.flush())
    } else {
      yield pieceOf(stream, came.value.length, () => stream.push(came.value))
      next = chunks.next()
    }
  }
  yield pieceOf(stream, 0, () => stream.end())
}

/** @returns undefined when it takes long */
async function within<Value>(next: Promise<Value>, clock: Clock): Promise<Value | undefined> {
  const isOver = new AbortController()
  try {
    return await Promise.race([next, clock.sleep(HOLD_MS, isOver.signal).then(() => undefined)])
  } finally {
    isOver.abort()
  }
}

function pieceOf(stream: RedactedStream, came: number, show: () => Buffer): MaskedPiece {
  const [held, hidden] = [stream.held, stream.hidden]
  const shown = show().toString('base64')
  return { taken: held + came - stream.held, covered: stream.covered, hidden: stream.hidden - hidden, shown }
}
