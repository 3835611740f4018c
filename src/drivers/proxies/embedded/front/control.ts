/** What the agent says to the front, as HTTP on a unix socket that only this user may open. Every call may be repeated. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { FettleError, httpStatusOf, toFettleError } from '../../../../core/errors.ts'
import type { Counters, RouteTable } from '../../../../ports/proxy.ts'
import { parseTable } from './parse-table.ts'
import type { Switchboard } from './switchboard.ts'
import type { TableFiles } from './table-files.ts'

/** What `GET /about` says. */
export interface About {
  /** Of this API. */
  protocol: 1
  pid: number
  /** The argv it was started with: a bundle's folder names its version. */
  program: string[]
  /** Wall clock, ms. */
  startedAt: number
  listens: { host: string; port: number }
  /** Its shim is gone: nobody starts it again when it dies. */
  isOrphan: boolean
}

export interface ActivationReport {
  inFlight: number
  counters: Counters | 'unknown'
}

export interface ControlContext {
  about(): About
  board: Switchboard
  files: TableFiles
  /** Ends this process in order; with `successor`, one of the program named on disk is started beside it first. */
  end(successor: boolean): void
}

/** A table of a thousand routes is 200 kB. */
const MOST_BYTES = 16 * 1024 * 1024

export function createControlServer(context: ControlContext): Server {
  return createServer((request, response) => {
    const send = (status: number, value: unknown) => {
      const body = JSON.stringify(value ?? null)
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
    }
    handle(context, request).then(
      value => send(200, value),
      thrown => {
        const error = toFettleError(thrown, `${request.method} ${request.url}`)
        send(httpStatusOf(error.code), error)
      },
    )
  })
}

async function handle(context: ControlContext, request: IncomingMessage): Promise<unknown> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://front')
  const [what, ...names] = pathname.slice(1).split('/').map(decodeURIComponent)
  const [first = '', second = ''] = names
  switch (`${request.method} ${what} ${names.length}`) {
    case 'GET about 0':
      return context.about()
    case 'GET tables 0':
      return context.files.all()
    case 'GET tables 2':
      return context.files.get(first, second)
    case 'PUT tables 0':
      return commit(context, parseTable(await readJson(request)), Number(searchParams.get('expected')))
    case 'PUT holds 2':
      return hold(context, first, second, (await readJson(request)) as { drainMs: number; maxWaitMs: number })
    case 'DELETE holds 2':
      return context.files.release(first, second, () => context.board.release(first, second))
    case 'GET activations 1':
      return report(context, first)
    case 'POST end 0':
      return context.end(searchParams.get('successor') === 'yes')
    default:
      throw new FettleError('NOT_FOUND', `the front has no ${request.method} ${pathname}`)
  }
}

function commit({ files, board }: ControlContext, table: RouteTable, expected: number): Promise<void> {
  return files.commit(table, expected, () => {
    board.serve(table)
    if (expected !== table.generation) board.release(table.app, table.environment)
  })
}

async function hold(
  { files, board }: ControlContext,
  app: string,
  environment: string,
  { drainMs, maxWaitMs }: { drainMs: number; maxWaitMs: number },
): Promise<{ inFlight: number }> {
  await files.hold(app, environment, maxWaitMs, () => board.hold(app, environment, maxWaitMs))
  return { inFlight: await board.environment(app, environment).drain(drainMs) }
}

function report({ board }: ControlContext, name: string): ActivationReport {
  const activation = board.activations.get(name)
  return { inFlight: activation?.inFlight ?? 0, counters: activation?.counters() ?? 'unknown' }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MOST_BYTES) throw new FettleError('USAGE', `more than ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new FettleError('USAGE', 'the body is not JSON', { cause: error })
  }
}
