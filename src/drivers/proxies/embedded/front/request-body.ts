/** The body of a request on its way to the instance. */
import type { IncomingMessage } from 'node:http'

/** Read when the connection stands, not before; an answer that comes early does not close the client's connection over it. */
export async function* readBody(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer
  } finally {
    request.resume()
  }
}
