/**
 * Sends a request whose body does not come yet. undici holds a header section back until the first byte of the body, while the client may
 * be waiting for an answer before it sends one. So Node's own client sends this one, on a connection that carries nothing else.
 */
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'

export interface Head {
  method: string
  path: string
  /** Flat list of names and values. */
  headers: readonly string[]
}

type Handler = Required<
  Pick<Dispatcher.DispatchHandler, 'onRequestStart' | 'onResponseStart' | 'onResponseData' | 'onResponseEnd' | 'onResponseError'>
>

/** @param handler is told of an error again when its answer is over, which means nothing */
export function sendHeadFirst({ method, path, headers }: Head, body: IncomingMessage, socket: Socket, handler: Handler): void {
  const isCounted = headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-length')
  const framed = isCounted ? [...headers] : [...headers, 'transfer-encoding', 'chunked']
  const outgoing = request({ method, path, headers: framed, maxHeaderSize: 64 * 1024, createConnection: () => socket })
  let answer: IncomingMessage | undefined
  const controller: Dispatcher.DispatchController = {
    get aborted() {
      return outgoing.destroyed
    },
    get paused() {
      return answer?.isPaused() ?? false
    },
    get reason() {
      return outgoing.errored
    },
    abort: reason => void outgoing.destroy(reason),
    pause: () => void answer?.pause(),
    resume: () => void answer?.resume(),
  }
  const fail = (error: Error) => handler.onResponseError(controller, error)
  outgoing.on('error', fail)
  outgoing.once('close', () => fail(new Error('the connection is closed')))
  outgoing.once('response', response => {
    answer = response
    handler.onResponseStart(controller, response.statusCode ?? 0, response.headersDistinct as IncomingHttpHeaders, response.statusMessage)
    response.on('error', fail)
    response.on('data', chunk => handler.onResponseData(controller, chunk))
    response.once('end', () => {
      body.unpipe(outgoing)
      handler.onResponseEnd(controller, response.trailers)
      outgoing.destroy()
    })
  })
  handler.onRequestStart(controller, undefined)
  outgoing.flushHeaders()
  body.pipe(outgoing)
}
