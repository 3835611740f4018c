/**
 * One request on its way: find where to, wait if it must, send it once, bring the answer back. A request is sent a second time
 * only if not a byte of it was sent before, or if it may be repeated (RFC 9110 §9.2.2) and no byte of an answer came. Every
 * attempt asks the switchboard anew.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { ANSWERS, type Answer, sendAnswer } from './answers.ts'
import { sendHeadFirst } from './head-first.ts'
import { announcedIdleMs, originForm, reasonPhrase, requestHeaders, responseHeaders, switchingHead } from './headers.ts'
import { awaitBody, isBodyLate, readBody, throwAwayRest } from './request-body.ts'
import { chooseUpstream, type Destination } from './switchboard.ts'
import { openTunnel } from './tunnel.ts'
import { type Connection, Unsent, type Upstream } from './upstream.ts'

/** A second instance may have died of the same request: then it is the request. */
const MOST_REPEATS = 2

export interface ExchangeContext {
  find(host: string, target: string): Destination | undefined
  /** Monotonic ms. */
  now(): number
  isTrusted(address: string): boolean
  /** How long a request waits for an instance to come back. */
  restartWaitMs: number
}

export interface Incoming {
  request: IncomingMessage
  response: ServerResponse
  /** The client waits for `100 Continue` before it sends the body. */
  expectsContinue?: boolean
  upgrade?: { protocol: string; socket: Duplex; head: Buffer }
}

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #context: ExchangeContext
  readonly #in: Incoming
  /** Empty when it can be read in two ways. */
  readonly #target: string
  readonly #hasBody: boolean
  /** Its body need not come along with the header section. */
  readonly #mayBeLate: boolean
  readonly #mayRepeat: boolean
  #headers: string[] | undefined
  #destination: Destination | undefined
  /** Where it is now, while it is in flight. */
  #upstream: Upstream | undefined
  #connection: Connection | undefined
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false
  #isAnswering = false
  #isEvents = false
  /** Some of the answer's body came. */
  #isBodyBegun = false
  #expectsContinue: boolean
  #repeats = 0
  #sentAt = 0
  #waiting: { reason: Answer; until: number } | undefined
  #announcedIdleMs: number | undefined

  constructor(context: ExchangeContext, incoming: Incoming) {
    const { method, headers } = incoming.request
    this.#context = context
    this.#in = incoming
    this.#target = originForm(incoming.request.url ?? '/', headers.host) ?? ''
    this.#hasBody = (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined
    this.#expectsContinue = incoming.expectsContinue ?? false
    this.#mayBeLate = this.#hasBody && !this.#expectsContinue
    this.#mayRepeat = !this.#hasBody && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS')
  }

  start(): void {
    const { request, response } = this.#in
    const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const client = { address, trusted: this.#context.isTrusted(address) }
    this.#headers = requestHeaders(request.rawHeaders, request.headers, client)
    if (this.#headers === undefined || this.#target === '') {
      this.#answer('badRequest')
      return
    }
    if ((request.headers['transfer-encoding'] ?? 'chunked').toLowerCase() !== 'chunked') {
      this.#answer('unknownCoding') // its name would go no further than here, its bytes would
      return
    }
    response.once('close', () => this.#clientLeft())
    if (this.#mayBeLate) awaitBody(request, this.#attempt)
    else this.#attempt()
  }

  readonly #attempt = (): void => {
    if (this.#isOver) return
    const destination = this.#find()
    this.#destination = destination
    if (destination === undefined) this.#answer('unknownHost')
    else if (destination.environment.hold !== undefined) this.#wait(destination.environment.hold.maxWaitMs, 'held')
    else if (destination.upstreams.length === 0) this.#answer('down')
    else this.#goTo(destination)
  }

  #find(): Destination | undefined {
    return this.#context.find(this.#in.request.headers.host ?? '', this.#target)
  }

  #goTo(destination: Destination): void {
    this.#sentAt ||= this.#context.now()
    const upstream = chooseUpstream(destination)
    const needsFresh = this.#repeats > 0 || (this.#mayBeLate && isBodyLate(this.#in.request))
    const connection = needsFresh ? undefined : upstream?.take(this.#mayRepeat)
    if (upstream === undefined) {
      for (const refused of destination.upstreams) refused.refused(destination.environment.room)
      this.#wait(this.#context.restartWaitMs, 'noAnswer')
    } else if (connection === undefined) this.#open(destination, upstream)
    else this.#send(destination, upstream, connection)
  }

  #wait(limitMs: number, inVain: Answer): void {
    const { room } = (this.#destination as Destination).environment
    const now = this.#context.now()
    if (this.#waiting?.reason !== inVain) this.#waiting = { reason: inVain, until: now + limitMs }
    if (inVain === 'held') this.#sentAt = 0
    room.enter(this, Math.max(0, this.#waiting.until - now), this.#attempt, () => this.#answer(inVain))
  }

  /** The table may change while a connection opens: then the connection is kept and the request starts over. */
  #open(destination: Destination, upstream: Upstream): void {
    upstream.open(connection => {
      const isStill = !this.#isOver && destination.environment.hold === undefined && this.#find() === destination
      if (connection !== undefined && isStill) {
        this.#send(destination, upstream, connection)
        return
      }
      if (connection === undefined) upstream.refused(destination.environment.room)
      else upstream.keep(connection)
      this.#attempt()
    })
  }

  #send(destination: Destination, upstream: Upstream, connection: Connection): void {
    const { request, response, upgrade } = this.#in
    const head = { path: this.#target, method: request.method ?? 'GET', headers: this.#headers ?? [] }
    const isLate = this.#mayBeLate && isBodyLate(request)
    this.#upstream = upstream
    this.#connection = isLate ? undefined : connection
    this.#controller = undefined
    destination.environment.began(destination.activation, upstream)
    if (this.#expectsContinue) response.writeContinue()
    this.#expectsContinue = false
    if (isLate) sendHeadFirst(head, request, connection.socket, this)
    else {
      const body = this.#hasBody ? (readBody(request) as unknown as Dispatcher.DispatchOptions['body']) : null
      connection.client.dispatch({ ...head, method: head.method as Dispatcher.HttpMethod, body, upgrade: upgrade?.protocol ?? null }, this)
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new Error('the client left'))
  }

  onResponseStarted(): void {
    this.#isAnswering = true
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders, message?: string): void {
    if (status < 200) return
    this.#announcedIdleMs = announcedIdleMs(headers['keep-alive'])
    this.#isEvents = String(headers['content-type']).startsWith('text/event-stream')
    this.#count(status)
    this.#in.response.writeHead(status, reasonPhrase(message), responseHeaders(headers))
    process.nextTick(this.#sendHead)
  }

  /** Alone only when no body came along with it: most answers stay one write. */
  readonly #sendHead = (): void => {
    if (!this.#isBodyBegun && !this.#isOver) this.#in.response.flushHeaders()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.#in
    this.#isBodyBegun = true
    if (response.write(chunk)) return
    controller.pause()
    response.once('drain', () => controller.resume())
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    const { request, response } = this.#in
    for (const name in trailers) response.addTrailers({ [name]: String(trailers[name]) })
    this.#isOver = true
    response.end()
    this.#leaveUpstream(true)
    if (this.#hasBody) throwAwayRest(request)
  }

  onRequestUpgrade(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders, upstream: Duplex): void {
    const { response, upgrade } = this.#in
    if (upgrade === undefined || this.#isOver) return void upstream.destroy()
    this.#isOver = true
    this.#count(status)
    const { tunnels } = (this.#destination as Destination).environment
    response.detachSocket(upgrade.socket as Parameters<ServerResponse['detachSocket']>[0])
    upgrade.socket.write(switchingHead(status, headers, upgrade.protocol), 'latin1')
    upstream.write(upgrade.head)
    const close = openTunnel(upgrade.socket, upstream, () => {
      tunnels.delete(close)
      this.#leaveUpstream(false)
    })
    tunnels.add(close)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#leaveUpstream(false)
    if (this.#isOver) return
    const { response } = this.#in
    if (this.#controller === undefined && !(error instanceof Unsent)) {
      this.#answer('badRequest') // undici would not write it
    } else if (response.headersSent) {
      // Ending it in order would pass a part off as the whole.
      this.#isOver = true
      this.#destination?.activation.broke()
      response.destroy(error)
    } else if (error instanceof Unsent) {
      this.#attempt()
    } else if (this.#mayRepeat && !this.#isAnswering && this.#repeats < MOST_REPEATS) {
      this.#repeats += 1
      this.#attempt()
    } else {
      this.#answer('noAnswer')
    }
  }

  #leaveUpstream(isWhole: boolean): void {
    const upstream = this.#upstream
    const destination = this.#destination
    if (upstream === undefined || destination === undefined) return
    this.#upstream = undefined
    destination.environment.ended(destination.activation, upstream)
    // In the next tick: undici closes what can not be used again right after it has told of the end.
    if (isWhole && this.#connection !== undefined) process.nextTick(give, upstream, this.#connection, this.#announcedIdleMs)
  }

  #count(status: number): void {
    this.#destination?.activation.answered(status, this.#context.now() - this.#sentAt)
  }

  #answer(answer: Answer): void {
    this.#isOver = true
    if (answer === 'noAnswer') this.#count(ANSWERS[answer].status)
    sendAnswer(this.#in.response, answer)
    if (this.#hasBody) throwAwayRest(this.#in.request)
  }

  #clientLeft(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { response } = this.#in
    // A stream of events has no end that its client would wait for.
    if (this.#upstream !== undefined && !this.#isEvents)
      this.#destination?.activation.gaveUp(this.#context.now() - this.#sentAt, response.headersSent)
    this.#destination?.environment.room.leave(this)
    this.#controller?.abort(new Error('the client left'))
  }
}

const give = (upstream: Upstream, connection: Connection, announcedMs: number | undefined) => upstream.give(connection, announcedMs)
