/** Starting the front: the agent opens the listener, hands it to the shim, and lets go of it. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { FettleError, toFettleError } from '../../../core/errors.ts'
import { readNow, writeFileAtomic } from '../../../lib/files.ts'
import { readKept } from '../../../lib/kept-file.ts'
import { listeners, portHolder } from '../../../lib/listeners.ts'
import { type Listen, PID, SETTINGS } from './layout.ts'
import { startShim } from './shim.ts'

export async function readSettings(folder: string): Promise<Listen | undefined> {
  return readKept<Listen>({ path: join(folder, SETTINGS), hint: 'Remove it: an agent that starts writes it anew.' })
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
    const failure = listenError(error as NodeJS.ErrnoException, asked.host, asked.port || last)
    if (failure.code !== 'PORT_IN_USE' || asked.port !== 0) throw failure
    await listenAndStart(folder, asked.host, 0)
  }
}

/** @throws FettleError PORT_IN_USE, naming who has it; as for `launch` */
export async function requireFree({ host, port }: { host: string; port: number }): Promise<void> {
  const server = createServer().listen({ host, port })
  await once(server, 'listening').catch(error => {
    throw listenError(error, host, port)
  })
  server.close()
  await once(server, 'close')
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): FettleError {
  const where = `the front can not listen on ${host}:${port}`
  const elsewhere = `\`FETTLE_HTTP=${host}:${freePort()} fettle agent start\` has it listen elsewhere, and is remembered.`
  switch (error.code) {
    case 'EADDRINUSE':
      return new FettleError('PORT_IN_USE', `${where}: ${portHolder(port) ?? 'another process'} listens there`, {
        hint: `Stop that one, or: ${elsewhere}`,
        cause: error,
      })
    case 'EACCES':
      return new FettleError('UNSUPPORTED', `${where}: this user may not take a port below 1024`, {
        hint: `Allow it (sysctl net.ipv4.ip_unprivileged_port_start=${port}), or: ${elsewhere}`,
        cause: error,
      })
    case 'EADDRNOTAVAIL':
      return new FettleError('NOT_FOUND', `${where}: this machine has no such address`, {
        hint: 'FETTLE_HTTP=127.0.0.1:8080 takes what every machine has; 0.0.0.0 is all of its addresses.',
        cause: error,
      })
    default:
      return toFettleError(error, where)
  }
}

/** For a hint: where nobody listens at this moment, near where people look. */
function freePort(): number {
  const taken = new Set(listeners('self').map(({ port }) => port))
  let port = 8080
  while (taken.has(port)) port += 1
  return port
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
  const pid = Number(readNow(join(folder, PID)))
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
