/** Talks to an agent over its unix socket. Loads no schema: a command must start fast. */
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream'
import { type ErrorJson, FettleError } from '../core/errors.ts'
import type { Answers, Request, Stream } from './contract.ts'
import { type Endpoint, type EndpointName, endpoints } from './endpoints.ts'

/** An import of node:http reads all its exports, WebSocket among them, and so loads undici: 30 ms, more than the rest of a command. */
const { request: httpRequest } = process.getBuiltinModule('node:http')

type Plain = { [Name in EndpointName]: Answers[Name] extends Stream<unknown> ? never : Name }[EndpointName]
type Streaming = Exclude<EndpointName, Plain>
type LineOf<Name extends Streaming> = Answers[Name] extends Stream<infer Line> ? Line : never

export interface Client {
  /** @throws FettleError as the agent threw it; AGENT_UNREACHABLE */
  call<Name extends Plain>(name: Name, input: Request<Name>, signal?: AbortSignal): Promise<Answers[Name]>
  /** @param bytes are sent while the answer is read, each at its own pace */
  stream<Name extends Streaming>(
    name: Name,
    input: Request<Name>,
    signal?: AbortSignal,
    bytes?: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<LineOf<Name>>
}

export function createClient(socketPath: string): Client {
  return {
    async call(name, input, signal) {
      const response = await send(socketPath, name, input as Record<string, unknown>, signal)
      return JSON.parse(await text(response))
    },
    async *stream(name, input, signal, bytes) {
      const response = await send(socketPath, name, input as Record<string, unknown>, signal, bytes)
      try {
        for await (const line of linesOf(response)) yield JSON.parse(line)
      } catch (error) {
        throw unreachable(error as Error, socketPath)
      } finally {
        response.destroy()
      }
    },
  }
}

async function send(
  socketPath: string,
  name: EndpointName,
  input: Record<string, unknown>,
  signal?: AbortSignal,
  bytes?: AsyncIterable<Uint8Array>,
): Promise<IncomingMessage> {
  const { method, path }: Endpoint = endpoints[name]
  const { id, ...rest } = input
  const target = path.replace(':id', encodeURIComponent(String(id)))
  const query = method === 'GET' || bytes !== undefined ? queryOf(rest) : ''
  const body = method === 'POST' && bytes === undefined ? JSON.stringify(path.includes(':id') ? rest : input) : undefined
  const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const options = {
    socketPath,
    // Without one Node derives a name for TLS, and compiles a regular expression for it: 3 ms.
    servername: '',
    method,
    path: query === '' ? target : `${target}?${query}`,
    headers,
    ...(signal === undefined ? {} : { signal }),
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpRequest(options, resolve)
    request.on('error', error => reject(unreachable(error, socketPath)))
    if (bytes === undefined) request.end(body)
    // What goes wrong there is told by the answer, or by the request where none comes.
    else pipeline(bytes, request, () => {})
  })
  if (response.statusCode === 200) return response
  throw FettleError.fromJSON(JSON.parse(await text(response)) as ErrorJson)
}

function queryOf(input: Record<string, unknown>): string {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(input)) if (value !== undefined) query.set(key, String(value))
  return query.toString()
}

/** One at a time, so that whoever sends waits for whoever reads. What comes behind the last line's end was cut off. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  for await (const text of response.setEncoding('utf8')) {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Of a home that belongs to somebody else. */
export const notOpen = (path: string, cause: unknown): FettleError =>
  new FettleError('REFUSED', `${path} is not open to this user`, {
    cause,
    hint: 'Run fettle as the user whose home it is, or with a home of your own: `--home`, FETTLE_HOME.',
  })

function unreachable(error: Error, socketPath: string): FettleError {
  if (error.name === 'AbortError') return new FettleError('CANCELLED', 'the request was cancelled', { cause: error })
  if ((error as NodeJS.ErrnoException).code === 'EACCES') return notOpen(socketPath, error)
  if ((error as NodeJS.ErrnoException).code === 'ECONNRESET')
    return new FettleError('AGENT_UNREACHABLE', 'the agent ended before it answered', {
      cause: error,
      hint: '`fettle operations` shows whether anything was begun: that goes on with the next agent. If nothing was, try again.',
    })
  return new FettleError('AGENT_UNREACHABLE', `no agent answers on ${socketPath}: ${error.message}`, {
    cause: error,
    hint: '`fettle agent start` starts it; `fettle doctor` looks for the reason.',
  })
}
