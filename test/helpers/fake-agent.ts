/** An agent for tests of the command line: answers from a script, over a real unix socket, and refuses requests that the contract refuses. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Answers, type ParsedRequest, requests, type Stream } from '../../src/api/contract.ts'
import { type EndpointName, endpoints } from '../../src/api/endpoints.ts'
import type { About } from '../../src/api/views.ts'
import { FettleError, httpStatusOf, toFettleError } from '../../src/core/errors.ts'
import { layout } from '../../src/core/layout.ts'

type Answer<Name extends EndpointName> =
  Answers[Name] extends Stream<infer Line> ? Iterable<Line> | AsyncIterable<Line> : Answers[Name] | Promise<Answers[Name]>
export type Script = { [Name in EndpointName]?: (input: ParsedRequest<Name>) => Answer<Name> }

export interface FakeAgent {
  home: string
  /** Every request so far, as the contract parsed it. */
  calls: { name: EndpointName; input: Record<string, unknown> }[]
  /** Ends every connection and removes the home. */
  stop(): Promise<void>
}

export async function startFakeAgent(script: Script, home?: string): Promise<FakeAgent> {
  const folder = home ?? (await mkdtemp(join(tmpdir(), 'fettle-cli-')))
  const { socket } = layout(folder)
  await mkdir(dirname(socket), { recursive: true })
  const calls: FakeAgent['calls'] = []
  const full: Script = { about: () => aboutFake(folder), status: () => ({ agent: aboutFake(folder), environments: [] }), ...script }
  const server = createServer((request, response) => void answer(full, calls, request, response))
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(socket, resolve))
  return {
    home: folder,
    calls,
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const aboutFake = (home: string): About => ({
  version: '0.1.0',
  build: 'source',
  pid: process.pid,
  home,
  startedAt: Date.now() - 7_200_000,
  memoryBytes: 64 * 1024 ** 2,
  address: 'http://127.0.0.1:8080',
  enabled: 'systemd user unit fettle.service',
})

async function answer(script: Script, calls: FakeAgent['calls'], request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { name, input } = await read(request)
    calls.push({ name, input })
    const handler = script[name] as ((input: Record<string, unknown>) => unknown) | undefined
    if (handler === undefined) throw new FettleError('INTERNAL', `the fake agent's script has no answer for ${name}`)
    const result = await handler(input)
    if (name !== 'events' && name !== 'logs') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(result))
      return
    }
    response.setHeader('content-type', 'application/x-ndjson').flushHeaders()
    const lines =
      Symbol.asyncIterator in (result as object)
        ? (result as AsyncIterable<unknown>)[Symbol.asyncIterator]()
        : iterate(result as Iterable<unknown>)
    response.on('close', () => void lines.return?.())
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) await write(response, next.value)
    response.end()
  } catch (thrown) {
    const error = toFettleError(thrown)
    if (response.headersSent) response.destroy()
    else response.writeHead(httpStatusOf(error.code), { 'content-type': 'application/json' }).end(JSON.stringify(error))
  }
}

/** Sent, so that an agent that dies after it has said it. */
const write = (response: ServerResponse, line: unknown): Promise<void> =>
  new Promise(resolve => response.write(`${JSON.stringify(line)}\n`, () => resolve()))

async function* iterate<Line>(lines: Iterable<Line>): AsyncGenerator<Line> {
  yield* lines
}

async function read(request: IncomingMessage): Promise<{ name: EndpointName; input: Record<string, unknown> }> {
  const url = new URL(request.url ?? '/', 'http://agent')
  for (const name of Object.keys(endpoints) as EndpointName[]) {
    const { method, path } = endpoints[name]
    const match = new RegExp(`^${path.replace(':id', '(?<id>[^/]+)')}$`).exec(url.pathname)
    if (match === null || method !== request.method) continue
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const sent = method === 'GET' ? Object.fromEntries(url.searchParams) : (JSON.parse(Buffer.concat(chunks).toString()) as object)
    const parsed = requests[name].safeParse({ ...sent, ...match.groups })
    if (!parsed.success) throw new FettleError('USAGE', `the contract refuses this ${name} request: ${parsed.error.message}`)
    return { name, input: parsed.data as Record<string, unknown> }
  }
  throw new FettleError('NOT_FOUND', `the contract has no ${request.method} ${url.pathname}`)
}
