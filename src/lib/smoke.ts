/** Runs a smoke test over HTTP: one request on a connection of its own, redirects not followed, the whole answer read. */
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { FettleError } from '../core/errors.ts'
import { formatBytes, formatDuration } from '../core/format.ts'
import { judge, type SmokeResponse, smokeTestName, type Verdict } from '../core/smoke.ts'
import type { SmokeTest } from '../core/spec/schema.ts'

export interface SmokeTarget {
  /** An instance itself, or a public address: `{ kind: 'url', url: 'http://127.0.0.1:8080' }`. */
  backend: { kind: 'tcp'; host: string; port: number } | { kind: 'unix'; path: string } | { kind: 'url'; url: string }
  /** For the Host header, where routes and apps look at it; `*` is any. */
  host?: string
}

export interface SmokeResult extends Verdict {
  /** `GET /health`. */
  name: string
  /** Undefined when no answer came. */
  status?: number
  bytes: number
  /** From the request to the end of the answer. */
  ms: number
}

/** Nobody looks for a text in more; an endless answer must not fill the memory of the agent. */
const MOST_BYTES = 32 * 1024 ** 2

/**
 * Whatever the app does is a result; only the caller's signal throws.
 * @throws FettleError CANCELLED
 */
export async function runSmokeTest(test: SmokeTest, target: SmokeTarget, signal?: AbortSignal): Promise<SmokeResult> {
  const started = performance.now()
  const timeout = AbortSignal.timeout(test.within)
  const finish = (verdict: Verdict, response?: SmokeResponse): SmokeResult => ({
    name: smokeTestName(test),
    ...verdict,
    ...(response === undefined ? {} : { status: response.status }),
    bytes: response?.body.length ?? 0,
    ms: performance.now() - started,
  })
  try {
    const response = await ask(test, target, signal === undefined ? timeout : AbortSignal.any([timeout, signal]))
    return finish(judge(test, response), response)
  } catch (error) {
    if (signal?.aborted) throw new FettleError('CANCELLED', `${smokeTestName(test)} was cancelled`, { cause: error })
    return finish({
      passed: false,
      why: timeout.aborted ? `no whole answer within ${formatDuration(test.within)}` : `no answer: ${reason(error)}`,
    })
  }
}

/** For `request`; a backend that is no URL speaks plain HTTP. */
function placeOf(backend: SmokeTarget['backend']) {
  if (backend.kind === 'unix') return { socketPath: backend.path }
  if (backend.kind === 'tcp') return { host: backend.host, port: backend.port }
  const { protocol, hostname, port } = new URL(backend.url)
  return { protocol, host: hostname.replace(/^\[|\]$/g, ''), port }
}

/** By node:http alone, which the agent has loaded anyway: its memory is counted. */
async function ask(test: SmokeTest, { backend, host }: SmokeTarget, signal: AbortSignal): Promise<SmokeResponse> {
  const headers = {
    'user-agent': 'fettle',
    accept: '*/*',
    'accept-encoding': 'identity',
    ...(host === undefined || host === '*' ? {} : { host }),
  }
  const place = placeOf(backend)
  const request = place.protocol === 'https:' ? requestHttps : requestHttp
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ ...place, method: test.method, path: test.http, headers, agent: false, signal }, resolve)
      .once('error', reject)
      .end()
  })
  try {
    return { status: response.statusCode ?? 0, headers: response.headers, ...(await readBody(response, signal)) }
  } finally {
    response.destroy()
  }
}

async function readBody(stream: IncomingMessage, signal: AbortSignal): Promise<{ body: Buffer; complete: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > MOST_BYTES) throw new FettleError('TEST_FAILED', `the answer is larger than ${formatBytes(MOST_BYTES)}`)
      chunks.push(chunk)
    }
    return { body: Buffer.concat(chunks), complete: true }
  } catch (error) {
    if (signal.aborted || error instanceof FettleError) throw error
    // The connection ended in the middle: what came is judged, as broken off.
    return { body: Buffer.concat(chunks), complete: false }
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))
