/** The body of a request on its way to the instance. */
import type { IncomingMessage } from 'node:http'

/** Mostly it comes along with the header section, or right behind it. */
const FIRST_BYTE_MS = 150
/** How long the rest of an upload is read and thrown away after its answer, so that the client gets to read it. */
const LINGER_MS = 2_000

/** Nothing of it came yet, not even its end. */
export const isBodyLate = (request: IncomingMessage): boolean => request.readableLength === 0 && !request.complete

/** Calls back once the body began, or is late. */
export function awaitBody(request: IncomingMessage, done: () => void): void {
  // Only behind this tick the rest of what came with the header section is read.
  process.nextTick(() => {
    if (!isBodyLate(request)) {
      done()
      return
    }
    const end = () => {
      clearTimeout(timer)
      request.off('readable', end)
      done()
    }
    const timer = setTimeout(end, FIRST_BYTE_MS)
    request.once('readable', end)
  })
}

/** Read when the connection stands, not before; an answer that comes early does not close the client's connection over it. */
export async function* readBody(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer
  } finally {
    request.resume()
  }
}

/** Of an upload that has its answer. */
export function throwAwayRest(request: IncomingMessage): void {
  request.resume()
  if (!request.complete) setTimeout(() => request.complete || request.destroy(), LINGER_MS).unref()
}
