/** The agent's end of the control socket. A front that is just being started again is waited for. */
import { request } from 'node:http'
import { type ErrorJson, FettleError } from '../../../core/errors.ts'
import type { Clock } from '../../../ports/clock.ts'

/** A front starts in 0.1 s; on a machine that does too much, it may take a hundred times that. */
const PATIENCE_MS = 15_000
const PAUSE_MS = 10
const GONE = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE'])

export interface Call {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  path: string
  body?: unknown
}

/**
 * Every call may be repeated, so one that met the front's death is.
 * @throws FettleError what the front answered, or TIMEOUT when it does not answer for `patienceMs`
 */
export async function callFront(socketPath: string, call: Call, clock: Clock, patienceMs = PATIENCE_MS): Promise<unknown> {
  const until = clock.monotonic() + patienceMs
  for (;;) {
    try {
      return await callOnce(socketPath, call)
    } catch (error) {
      if (!GONE.has((error as NodeJS.ErrnoException).code ?? '')) throw error
      if (clock.monotonic() >= until) {
        throw new FettleError('TIMEOUT', `the front did not answer ${call.method} ${call.path} on ${socketPath} for ${patienceMs} ms`, {
          cause: error,
          hint: 'See its log beside that socket; `fettle doctor` tells what is wrong, a restart of the agent starts the front again.',
        })
      }
    }
    await clock.sleep(PAUSE_MS)
  }
}

function callOnce(socketPath: string, { method, path, body }: Call): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
        if (response.statusCode === 200) resolve(value)
        else reject(FettleError.fromJSON(value as ErrorJson))
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
