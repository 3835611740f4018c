/**
 * The front, a process of its own. It boots from its folder without the agent, serves on the listener it inherits, and is
 * told by the control socket. Its shim starts it again when it dies.
 */
import { chmodSync, readFileSync, rmSync } from 'node:fs'
import { BlockList, isIPv6 } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../../../lib/clock.ts'
import { parseKept } from '../../../../lib/kept-file.ts'
import { parseNetwork } from '../../../../lib/network.ts'
import { CONTROL_SOCKET, COUNTERS, LISTENER_FD, type Listen, SETTINGS, TABLES } from '../layout.ts'
import { startShim } from '../shim.ts'
import { type About, createControlServer } from './control.ts'
import { keepCounters } from './counters-file.ts'
import { createPublicServer } from './server.ts'
import { Switchboard } from './switchboard.ts'
import { TableFiles } from './table-files.ts'

const DRAIN_MS = 10_000
const FOLLOW_MS = 50

/** @param folder `<home>/front` */
export async function runFront(folder: string): Promise<void> {
  process.umask(0o077)
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  const path = join(folder, SETTINGS)
  const settings = parseKept<Listen>(readFileSync(path, 'utf8'), { path, hint: 'Remove it: an agent that starts writes it anew.' })
  const board = new Switchboard(systemClock)
  const files = new TableFiles(join(folder, TABLES), log)
  const counters = keepCounters(board.activations, join(folder, COUNTERS), log)
  const shim = process.ppid
  let isDraining = false
  const follow = () => {
    files.load()
    board.follow(files.all(), files.holds())
  }
  files.removeHalfWritten()
  follow()

  const server = createPublicServer(
    {
      find: (host, target) => {
        // A successor has the control socket now: the files are how this process learns of a commit.
        if (isDraining) follow()
        return board.find(host, target)
      },
      now: systemClock.monotonic,
      isTrusted: trusts(settings.trust ?? []),
      restartWaitMs: settings.restartWaitMs ?? 10_000,
    },
    () => board.closeTunnels(),
  )

  const end = async (successor: boolean): Promise<void> => {
    if (isDraining) return
    isDraining = true
    control.close()
    // The successor boots from the files: none may be half way through a commit. Who is cut off asks the successor again.
    await files.settled()
    control.closeAllConnections()
    await files.settled()
    await counters.stop()
    if (successor) {
      startSuccessor(folder, shim)
      setInterval(follow, FOLLOW_MS) // for those that wait here in a hold
    }
    await server.drain({ lingerMs: successor ? DRAIN_MS / 2 : 0, drainMs: DRAIN_MS })
    if (!successor) await counters.stop()
    process.exit(0)
  }
  await server.listen({ fd: LISTENER_FD })
  const startedAt = systemClock.now()
  const about = (): About => {
    const program = [...process.argv.slice(0, 1), ...process.execArgv, ...process.argv.slice(1, -1)]
    return { protocol: 1, pid: process.pid, program, startedAt, listens: server.address(), isOrphan: process.ppid !== shim }
  }
  const control = createControlServer({ about, board, files, end: successor => void setImmediate(() => void end(successor)) })
  process.on('SIGTERM', () => void end(false))
  const socket = join(folder, CONTROL_SOCKET)
  rmSync(socket, { force: true })
  control.listen(socket, () => chmodSync(socket, 0o600))
  log(`pid ${process.pid} serves ${files.all().length} environments on ${JSON.stringify(server.address())}`)
}

/** By the shim, or by a new one when ours was killed: it inherits the listener. */
function startSuccessor(folder: string, shim: number): void {
  if (process.ppid === shim) process.kill(shim, 'SIGUSR1')
  else startShim(folder, LISTENER_FD)
}

function log(line: string): void {
  process.stdout.write(`${new Date(systemClock.now()).toISOString()} ${line}\n`)
}

const MOST_KNOWN = 10_000

/** @param trusted addresses and networks whose X-Forwarded-For and -Proto are believed; none by default */
function trusts(trusted: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const { address, prefix, family } of trusted.flatMap(text => parseNetwork(text) ?? [])) list.addSubnet(address, prefix, family)
  // Asked with every request, mostly by few clients; the list takes microseconds.
  const known = new Map<string, boolean>()
  const isTrusted = (address: string): boolean => {
    const answer = known.get(address) ?? list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
    if (known.size >= MOST_KNOWN) known.clear()
    known.set(address, answer)
    return answer
  }
  return trusted.length === 0 ? () => false : isTrusted
}
