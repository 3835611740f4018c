/** Starting the front: the agent opens the listener, hands it to the shim, and lets go of it. */
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { FettleError, toFettleError } from '../../../core/errors.ts'
import { readIfExists, writeFileAtomic } from '../../../lib/files.ts'
import { type Listen, PID, SETTINGS } from './layout.ts'
import { startShim } from './shim.ts'

export async function readSettings(folder: string): Promise<Listen | undefined> {
  const text = await readIfExists(join(folder, SETTINGS))
  if (text === undefined) return undefined
  const settings = JSON.parse(text) as Listen
  if (settings.format !== 1) throw new FettleError('VERSION', `${join(folder, SETTINGS)} was written by a newer fettle`)
  return settings
}

export async function writeSettings(folder: string, settings: Listen): Promise<void> {
  await writeFileAtomic(join(folder, SETTINGS), `${JSON.stringify(settings)}\n`, 0o600)
}

/**
 * Starts the shim on a new listener. When any port would do, the one of the last time is preferred.
 * @throws FettleError PORT_IN_USE
 */
export async function launch(folder: string, asked: { host: string; port: number }, last: number): Promise<void> {
  try {
    await listenAndStart(folder, asked.host, asked.port || last)
  } catch (error) {
    const failure = toFettleError(error, `listening on ${asked.host}:${asked.port || last}`)
    if (failure.code !== 'PORT_IN_USE' || asked.port !== 0) throw failure
    await listenAndStart(folder, asked.host, 0)
  }
}

function listenAndStart(folder: string, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, backlog: 4096 }, () => {
      // In one turn of the event loop: no connection can be accepted here, each waits for the front.
      startShim(folder, descriptorOf(server))
      server.close()
      resolve()
    })
  })
}

/** Node has no public way to a listener's descriptor; this one has been there since 0.12. */
function descriptorOf(server: Server): number {
  const { _handle: handle } = server as unknown as { _handle: { fd: number } }
  return handle.fd
}

/** Pid of this folder's shim, if it runs: the one in the file may be another process by now. */
export async function runningShim(folder: string): Promise<number | undefined> {
  const pid = Number(await readIfExists(join(folder, PID)))
  return Number.isInteger(pid) && pid > 0 && commandOf(pid).includes(folder) ? pid : undefined
}

/** Words of a process, empty when there is none, also for one that is dead and not yet collected. */
export function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter(word => word !== '')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}
