/** The API over HTTP on a unix socket: requests parsed by the contract, answers as JSON or as a stream of JSON lines. */
import { chmod, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { stream } from 'hono/streaming'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import * as z from 'zod'
import { type Answers, type ParsedRequest, requests, type Stream } from '../api/contract.ts'
import { type EndpointName, endpoints } from '../api/endpoints.ts'
import { openApi } from '../api/openapi.ts'
import { FettleError, httpStatusOf, toFettleError } from '../core/errors.ts'

/** One function an endpoint; a stream is an async iterable that ends when the signal aborts. */
export type Handlers = {
  [Name in EndpointName]: (
    input: ParsedRequest<Name>,
    signal: AbortSignal,
  ) => Answers[Name] extends Stream<infer Line> ? AsyncIterable<Line> : Promise<Answers[Name]>
}

export interface ServerOptions {
  socket: string
  handlers: Handlers
  version: string
  /** Last thing before a text leaves: hides secrets. */
  redact(text: string): string
}

export async function serveApi(options: ServerOptions): Promise<{ stop(): Promise<void> }> {
  const app = new Hono()
  app.onError((error, context) => failure(context, error, options.redact))
  app.notFound(context =>
    failure(context, new FettleError('NOT_FOUND', `the API has no ${context.req.method} ${context.req.path}`), options.redact),
  )
  app.get('/openapi.json', context => context.json(openApi(options.version)))
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const { method, path } = endpoints[name]
    app.on(method, path, async context => answer(context, name, options))
  }
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  await listen(server, options.socket)
  return {
    async stop() {
      server.closeAllConnections()
      await new Promise<void>(resolve => server.close(() => resolve()))
      await rm(options.socket, { force: true })
    },
  }
}

async function answer(context: Context, name: EndpointName, { handlers, redact }: ServerOptions): Promise<Response> {
  const input = parseRequest(name, { ...context.req.query(), ...(await bodyOf(context)), ...context.req.param() })
  const handler = handlers[name] as (input: unknown, signal: AbortSignal) => AsyncIterable<unknown> | Promise<unknown>
  const result = handler(input, context.req.raw.signal)
  if (!(Symbol.asyncIterator in result))
    return context.body(redact(JSON.stringify(await result)), 200, { 'content-type': 'application/json' })
  context.header('content-type', 'application/x-ndjson')
  return stream(context, async out => {
    for await (const line of result) {
      if (out.aborted) return
      await out.write(`${redact(JSON.stringify(line))}\n`)
    }
  })
}

async function bodyOf(context: Context): Promise<Record<string, unknown>> {
  if (context.req.method !== 'POST') return {}
  const text = await context.req.text()
  if (text === '') return {}
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw new FettleError('USAGE', 'the request body is no JSON', { cause: error })
  }
}

function parseRequest(name: EndpointName, input: unknown): unknown {
  const parsed = requests[name].safeParse(input)
  if (parsed.success) return parsed.data
  throw new FettleError('USAGE', `${name}: ${z.prettifyError(parsed.error)}`)
}

function failure(context: Context, thrown: unknown, redact: (text: string) => string): Response {
  const error = toFettleError(thrown)
  const status = httpStatusOf(error.code) as ContentfulStatusCode
  return context.body(redact(JSON.stringify(error)), status, { 'content-type': 'application/json' })
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
