/**
 * Runs services and commands as plain processes of this machine. Each *unit* (an instance or a command) is a folder and a small
 * shell, its *shim*, that supervises the app; the agent only states wishes and watches. What a unit is and how it fares stands in
 * its folder, so an agent that starts finds everything again. See README.md for the guarantees and their limits.
 */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { toFettleError } from '../../../core/errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Runtime, RuntimeCaps } from '../../../ports/runtime.ts'
import { type Cgroups, probeCgroups } from './cgroups.ts'
import { Commands } from './commands.ts'
import { findProgram, requireProgram } from './execute.ts'
import { Groups } from './groups.ts'
import type { Host, LogLimits } from './host.ts'
import type { Isolation } from './isolation.ts'
import { Logs } from './logs.ts'
import { watchMemory } from './memory-watch.ts'
import { Ports } from './ports.ts'
import { Sandboxes } from './sandboxes.ts'
import { Trash } from './trash.ts'

export interface ProcessRuntimeOptions {
  /** Units live below it in `units/`, the logs of removed ones in `logs/`. Short: it is part of the path of unix sockets. */
  home: string
  clock: Clock
  /** Services get theirs from this range, both ends included. Best outside of the system's range of outgoing ports. */
  ports: { from: number; to: number }
  /** Called at named points inside of effects, for crash tests. */
  fault?: (point: string) => Promise<void> | void
  /** For what the agent should tell its operator though nothing failed. */
  log?: (message: string) => void
  restart?: Host['restart']
  logs?: Partial<LogLimits>
  /** argv of the program in `sandbox-relay.ts`, where that was built into one file. */
  relayProgram?: string[]
  /** `off`: as on a machine where no control group can be written. */
  cgroups?: 'auto' | 'off'
}

const RELAY = join(import.meta.dirname, 'sandbox-relay.ts')
const RESTART = { delays: [0, 0.5, 1, 2, 4, 8, 16, 30], stableMs: 10_000 }
const LOGS: LogLimits = { segmentBytes: 4 << 20, keepBytes: 50_000_000, keepMs: 30 * 86_400_000 }

export function createProcessRuntime(options: ProcessRuntimeOptions): Runtime {
  const { home, clock, ports, fault = () => undefined, log = () => undefined } = options
  const units = join(home, 'units')
  const host: Host = {
    units,
    archive: join(home, 'logs'),
    clock,
    restart: options.restart ?? RESTART,
    logs: { ...LOGS, ...options.logs },
    cgroups: {},
    programs: {
      setsid: requireProgram('setsid'),
      setpriv: findProgram('setpriv'),
      env: requireProgram('env'),
      mkfifo: requireProgram('mkfifo'),
    },
    fault: async point => fault(point),
    log,
  }
  const trash = new Trash(join(units, 'trash'))
  const logs = new Logs(host)
  const range = new Ports(ports)
  const sandboxes = new Sandboxes({ host, ports: range, trash, relay: options.relayProgram ?? [process.execPath, RELAY] })
  const groups = new Groups({ host, ports: range, sandboxes, logs, trash })
  const commands = new Commands({ host, sandboxes, logs, trash })
  let isOpen = false
  let stopMemoryWatch = () => {}

  return {
    get caps() {
      return capsOf(host.cgroups, sandboxes.isolation)
    },
    async open() {
      if (isOpen) return
      isOpen = true
      await mkdir(units, { recursive: true, mode: 0o700 })
      if (options.cgroups !== 'off')
        host.cgroups = await probeCgroups(`fettle-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`)
      await trash.empty()
      await sandboxes.open()
      await groups.open()
      await commands.open()
      await logs.pruneArchives()
      if (host.cgroups.memory === undefined) stopMemoryWatch = watchMemory(() => [...groups.limited(), ...commands.limited()])
    },
    async close() {
      stopMemoryWatch()
      groups.close()
      commands.close()
      sandboxes.release()
      logs.close()
    },
    apply: (group, signal) => tried(`starting ${group.name}`, groups.apply(group, signal)),
    ready: (name, signal) => groups.ready(name, signal),
    groups: async selector => groups.list(selector),
    onChange: listener => groups.onChange(listener),
    stop: (name, signal) => tried(`stopping ${name}`, groups.stop(name, signal)),
    remove: (name, signal) => tried(`removing ${name}`, groups.remove(name, signal)),
    run: (command, signal) => tried(`running ${command.name}`, commands.run(command, signal)),
    command: name => commands.state(name),
    kill: name => commands.kill(name),
    forget: name => commands.forget(name),
    commands: async selector => commands.list(selector),
    openSandbox: (name, { hide }, signal) => tried(`opening sandbox ${name}`, sandboxes.openSandbox(name, hide, signal)),
    async closeSandbox(name) {
      await Promise.all([groups.killInSandbox(name), commands.killInSandbox(name)])
      await sandboxes.close(name)
    },
    sandboxes: async () => sandboxes.names(),
    logs: (selector, logOptions, signal) => logs.lines(selector, logOptions, signal),
  }
}

/** A full or read-only disk is told by its code. */
async function tried<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw toFettleError(error, what)
  }
}

function capsOf({ memory, memoryReason, kill, killReason }: Cgroups, isolation: Isolation): RuntimeCaps {
  return {
    memory: memory === undefined ? 'polled' : 'enforced',
    memoryReason,
    isolation: isolation.kind,
    isolationReason: isolation.reason,
    orphans: kill === undefined ? 'sweep' : 'kernel',
    orphansReason: killReason,
  }
}
