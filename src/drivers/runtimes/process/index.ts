/**
 * Runs services and commands as plain processes of this machine. Each *unit* (an instance or a command) is a folder and a small
 * shell, its *shim*, that supervises the app; the agent only states wishes and watches. What a unit is and how it fares stands in
 * its folder, so an agent that starts finds everything again. See README.md for the guarantees and their limits.
 */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../ports/clock.ts'
import type { Runtime, RuntimeCaps } from '../../../ports/runtime.ts'
import { type Cgroups, probeCgroups } from './cgroups.ts'
import { Commands } from './commands.ts'
import { findProgram, requireProgram } from './execute.ts'
import { Groups } from './groups.ts'
import type { Host, LogLimits } from './host.ts'
import { Logs } from './logs.ts'
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
  /** `off`: as on a machine where no control group can be written. */
  cgroups?: 'auto' | 'off'
}

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
  const sandboxes = new Sandboxes()
  const groups = new Groups({ host, ports: new Ports(ports), sandboxes, logs, trash })
  const commands = new Commands({ host, sandboxes, logs, trash })
  let caps: RuntimeCaps = { memory: 'none', memoryReason: 'the runtime is not open yet', isolation: 'none' }
  let isOpen = false

  return {
    get caps() {
      return caps
    },
    async open() {
      if (isOpen) return
      isOpen = true
      await mkdir(units, { recursive: true, mode: 0o700 })
      if (options.cgroups !== 'off')
        host.cgroups = await probeCgroups(`fettle-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`)
      caps = capsOf(host.cgroups)
      await trash.empty()
      await groups.open()
      await commands.open()
      await logs.pruneArchives()
    },
    async close() {
      groups.close()
      commands.close()
      logs.close()
    },
    apply: (group, signal) => groups.apply(group, signal),
    ready: (name, signal) => groups.ready(name, signal),
    groups: async selector => groups.list(selector),
    onChange: listener => groups.onChange(listener),
    stop: (name, signal) => groups.stop(name, signal),
    remove: (name, signal) => groups.remove(name, signal),
    run: (command, signal) => commands.run(command, signal),
    command: name => commands.state(name),
    kill: name => commands.kill(name),
    forget: name => commands.forget(name),
    commands: async selector => commands.list(selector),
    openSandbox: async () => sandboxes.openSandbox(),
    closeSandbox: async () => undefined,
    sandboxes: async () => [],
    logs: (selector, logOptions, signal) => logs.lines(selector, logOptions, signal),
  }
}

function capsOf({ memory, memoryReason }: Cgroups): RuntimeCaps {
  if (memory !== undefined) return { memory: 'enforced', isolation: 'none' }
  return { memory: 'polled', memoryReason: memoryReason ?? '', isolation: 'none' }
}
