/**
 * The API over HTTP on a unix socket: requests parsed by the contract, answers as JSON or as a stream of JSON lines. By node:http alone:
 * a handful of fixed paths needs no framework, and the agent's memory is counted.
 */

import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Answers, type ParsedRequest, requests, type Stream } from '../api/contract.ts'
import { type Endpoint, type EndpointName, endpoints } from '../api/endpoints.ts'
import { FettleError, httpStatusOf, toFettleError } from '../core/errors.ts'
import { type Hide, hidingReplacer } from '../core/free-text.ts'

/** One function an endpoint; a stream is an async iterable that ends when the signal aborts. The bytes are of one that takes some. */
export type Handlers = {
  [Name in EndpointName]: (
    input: ParsedRequest<Name>,
    signal: AbortSignal,
    bytes: AsyncIterable<Uint8Array>,
  ) => Answers[Name] extends Stream<infer Line> ? AsyncIterable<Line> : Promise<Answers[Name]>
}

export interface ServerOptions {
  socket: string
  handlers: Handlers
  version: string
  /** Hides secrets: a net below what was hidden where it came up. */
  hide: Hide
  /** @throws FettleError where nothing can be done any more */
  requirePlace(): void
  /** Which app a request is about. Never fails. */
  appOf(input: object): Promise<string | undefined>
}

const MAX_BODY_BYTES = 1 << 20
/** Of what passes through, this much waits in memory each way. */
const BUFFER_BYTES = 16_384

export async function serveApi(options: ServerOptions): Promise<{ stop(): Promise<void> }> {
  // No limit for a whole request: a command prints as long as it runs, and whoever reaches the socket may do more than wait.
  const server = createServer({ requestTimeout: 0, highWaterMark: BUFFER_BYTES }, (request, response) => {
    answer(request, response, options).catch(error => fail(response, error, options.hide))
  })
  await listen(server, options.socket)
  return {
    async stop() {
      server.closeAllConnections()
      await new Promise<void>(resolve => server.close(() => resolve()))
      await rm(options.socket, { force: true })
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ServerOptions): Promise<void> {
  const { method = '', url = '' } = request
  const { pathname, searchParams } = new URL(url, 'http://agent')
  if (method === 'GET' && pathname === '/openapi.json') return describe(response, options.version)
  options.requirePlace()
  const found = findEndpoint(method, pathname)
  if (found === undefined) throw new FettleError('NOT_FOUND', `the API has no ${method} ${pathname}`)
  const input = parseRequest(found.name, {
    ...Object.fromEntries(searchParams),
    ...(await bodyOf(request, found.name)),
    ...found.parameters,
  })
  const app = await options.appOf(input)
  const hide: Hide = (text, own = app) => options.hide(text, own)
  await call(found.name, input, request, response, { ...options, hide }).catch(error => fail(response, error, hide))
}

async function call(
  name: EndpointName,
  input: unknown,
  request: IncomingMessage,
  response: ServerResponse,
  { handlers, hide }: ServerOptions,
): Promise<void> {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const handler = handlers[name] as (
    input: unknown,
    signal: AbortSignal,
    bytes: IncomingMessage,
  ) => AsyncIterable<unknown> | Promise<unknown>
  const result = handler(input, gone.signal, request)
  if (Symbol.asyncIterator in result) return sendLines(response, result, hide, gone.signal)
  send(response, await result, hide)
}

/** Loaded when somebody asks for it. */
async function describe(response: ServerResponse, version: string): Promise<void> {
  const { openApi } = await import('../api/openapi.ts')
  send(response, openApi(version))
}

function findEndpoint(method: string, path: string): { name: EndpointName; parameters: Record<string, string> } | undefined {
  const parts = path.split('/')
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const pattern = endpoints[name].path.split('/')
    const isMatch = endpoints[name].method === method && pattern.length === parts.length
    if (!isMatch || !pattern.every((part, index) => part === ':id' || part === parts[index])) continue
    const place = pattern.indexOf(':id')
    return { name, parameters: place < 0 ? {} : { id: decodeURIComponent(parts[place] ?? '') } }
  }
  return undefined
}

async function bodyOf(request: IncomingMessage, name: EndpointName): Promise<Record<string, unknown>> {
  const { method, takes }: Endpoint = endpoints[name]
  if (method !== 'POST' || takes === 'bytes') return {}
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw new FettleError('USAGE', 'the request body is too large')
  const body = await text(request)
  if (body === '') return {}
  try {
    return JSON.parse(body) as Record<string, unknown>
  } catch (error) {
    throw new FettleError('USAGE', 'the request body is no JSON', { cause: error })
  }
}

function parseRequest(name: EndpointName, input: unknown): object {
  const parsed = requests[name].safeParse(input)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
  throw new FettleError('USAGE', `${name}: ${problems.join('; ')}`)
}

function send(response: ServerResponse, answer: unknown, hide: Hide = text => text, status = 200): void {
  const body = JSON.stringify(answer, hidingReplacer(hide))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

async function sendLines(response: ServerResponse, lines: AsyncIterable<unknown>, hide: Hide, gone: AbortSignal): Promise<void> {
  const replacer = hidingReplacer(hide)
  // The headers go with the first line: a stream that fails at once still has a status of its own.
  for await (const line of lines) {
    if (gone.aborted) return
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    if (!response.write(`${JSON.stringify(line, replacer)}\n`)) await once(response, 'drain', { signal: gone })
  }
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.end()
}

function fail(response: ServerResponse, thrown: unknown, hide: Hide): void {
  if (response.headersSent) return void response.destroy()
  const error = toFettleError(thrown)
  send(response, error, hide, httpStatusOf(error.code))
}

/** Whoever holds the journal owns the socket: one that is left over is a dead agent's. */
async function listen(server: Server, socket: string): Promise<void> {
  if (Buffer.byteLength(socket) > 107) {
    throw new FettleError('UNSUPPORTED', `the path of the socket is too long for the system: ${socket}`, {
      hint: 'Choose a shorter home: FETTLE_HOME or --home.',
    })
  }
  await rm(socket, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket, () => resolve())
  })
  await chmod(socket, 0o600)
}
