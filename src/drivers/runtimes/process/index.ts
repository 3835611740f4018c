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
import type {
  Backend,
  Command,
  CommandResult,
  CommandState,
  Group,
  GroupState,
  Labels,
  LogLine,
  Runtime,
  RuntimeCaps,
  Sandbox,
  SandboxView,
} from '../../../ports/runtime.ts'
import { type Cgroups, probeCgroups } from './cgroups.ts'
import { Commands } from './commands.ts'
import { Fifos } from './fifos.ts'
import { Groups } from './groups.ts'
import type { Host, LogLimits } from './host.ts'
import { type Isolation, SANDBOX_NEEDS } from './isolation.ts'
import { Logs } from './logs.ts'
import { type Limited, watchMemory } from './memory-watch.ts'
import { Ports } from './ports.ts'
import { findProgram, requireProgram } from './programs.ts'
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
  /** Hides secrets in what apps print, wherever it is read: their files hold it as it came. */
  hide?: Host['hide']
  hideLines?: Host['hideLines']
  restart?: Host['restart']
  logs?: Partial<LogLimits>
  /** argv of the program in `sandbox-relay.ts`, where that was built into one file. */
  relayProgram?: string[]
  /** `off`: as on a machine where no control group can be written. */
  cgroups?: 'auto' | 'off'
}

const RELAY = join(import.meta.dirname, 'sandbox-relay.ts')
const RESTART = { delays: [0, 0.5, 1, 2, 4, 8, 16, 30], stableMs: 10_000 }
const LOGS: LogLimits = { segmentBytes: 4 << 20, keepBytes: 50_000_000, keepMs: 30 * 86_400_000, archiveBytes: 250_000_000 }

export function createProcessRuntime(options: ProcessRuntimeOptions): Runtime {
  return new ProcessRuntime(options)
}

class ProcessRuntime implements Runtime {
  readonly #options: ProcessRuntimeOptions
  readonly #host: Host
  readonly #trash: Trash
  readonly #logs: Logs
  readonly #sandboxes: Sandboxes
  readonly #groups: Groups
  readonly #commands: Commands
  #isOpen = false
  #stopMemoryWatch = () => {}

  constructor(options: ProcessRuntimeOptions) {
    const host = hostOf(options)
    const ports = new Ports(options.ports, Number.parseInt(tagOf(options.home), 16))
    this.#options = options
    this.#host = host
    this.#trash = new Trash(join(host.units, 'trash'))
    this.#logs = new Logs(host)
    const [trash, logs] = [this.#trash, this.#logs]
    const sandboxes = new Sandboxes({ host, ports, trash, relay: options.relayProgram ?? [process.execPath, RELAY] })
    this.#sandboxes = sandboxes
    this.#groups = new Groups({ host, ports, sandboxes, logs, trash })
    this.#commands = new Commands({ host, sandboxes, logs, trash })
  }

  get caps(): RuntimeCaps {
    return capsOf(this.#host.cgroups, this.#sandboxes.isolation)
  }

  async open(): Promise<void> {
    if (this.#isOpen) return
    this.#isOpen = true
    const { home, cgroups } = this.#options
    await mkdir(this.#host.units, { recursive: true, mode: 0o700 })
    if (cgroups !== 'off') this.#host.cgroups = await probeCgroups(`fettle-${tagOf(home)}`)
    await this.#trash.empty()
    await this.#host.fifos.open()
    await this.#sandboxes.open()
    await this.#groups.open()
    await this.#commands.open()
    await this.#logs.openArchives()
    if (this.#host.cgroups.memory === undefined) this.#stopMemoryWatch = watchMemory(() => this.#limited())
  }

  *#limited(): Generator<Limited> {
    yield* this.#groups.limited()
    yield* this.#commands.limited()
  }

  async close(): Promise<void> {
    this.#stopMemoryWatch()
    this.#groups.close()
    this.#commands.close()
    this.#sandboxes.release()
    this.#logs.close()
    await this.#host.fifos.close()
  }

  apply(group: Group, signal: AbortSignal): Promise<void> {
    return tried(`starting ${group.name}`, this.#groups.apply(group, signal))
  }

  ready(name: string, signal: AbortSignal): Promise<Backend[]> {
    return this.#groups.ready(name, signal)
  }

  async groups(selector: Partial<Labels>): Promise<GroupState[]> {
    return this.#groups.list(selector)
  }

  onChange(listener: (group: GroupState) => void): () => void {
    return this.#groups.onChange(listener)
  }

  stop(name: string, signal: AbortSignal): Promise<void> {
    return tried(`stopping ${name}`, this.#groups.stop(name, signal))
  }

  remove(name: string, signal: AbortSignal, operation?: string): Promise<void> {
    return tried(`removing ${name}`, this.#groups.remove(name, signal, operation))
  }

  run(command: Command, signal: AbortSignal): Promise<CommandResult> {
    return tried(`running ${command.name}`, this.#commands.run(command, signal))
  }

  command(name: string): Promise<CommandState> {
    return this.#commands.state(name)
  }

  kill(name: string): Promise<void> {
    return this.#commands.kill(name)
  }

  forget(name: string): Promise<void> {
    return this.#commands.forget(name)
  }

  async commands(selector: Partial<Labels>): Promise<string[]> {
    return this.#commands.list(selector)
  }

  openSandbox(name: string, view: SandboxView, signal: AbortSignal): Promise<Sandbox> {
    return tried(`opening sandbox ${name}`, this.#sandboxes.openSandbox(name, view, signal))
  }

  async closeSandbox(name: string): Promise<void> {
    await Promise.all([this.#groups.killInSandbox(name), this.#commands.killInSandbox(name)])
    await this.#sandboxes.close(name)
  }

  async sandboxes(): Promise<string[]> {
    return this.#sandboxes.names()
  }

  async isSandboxOpen(name: string): Promise<boolean> {
    return this.#sandboxes.isOpen(name)
  }

  logs(selector: Partial<Labels>, options: Parameters<Runtime['logs']>[1], signal: AbortSignal): AsyncIterable<LogLine> {
    return this.#logs.lines(selector, options, signal)
  }
}

/** What tells this home from others on the machine. */
const tagOf = (home: string): string => createHash('sha256').update(home).digest('hex').slice(0, 8)

function hostOf({
  home,
  clock,
  fault = () => undefined,
  log = () => undefined,
  hide = text => text,
  hideLines = () => line => line,
  restart = RESTART,
  logs,
}: ProcessRuntimeOptions): Host {
  return {
    units: join(home, 'units'),
    archive: join(home, 'logs'),
    clock,
    restart,
    logs: { ...LOGS, ...logs },
    cgroups: {},
    programs: {
      setsid: requireProgram('setsid'),
      setpriv: findProgram('setpriv'),
      env: requireProgram('env'),
    },
    fifos: new Fifos(join(home, 'units', 'fifos')),
    fault: async point => fault(point),
    log,
    hide,
    hideLines,
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
    isolationNeeds: SANDBOX_NEEDS,
    orphans: kill === undefined ? 'sweep' : 'kernel',
    orphansReason: killReason,
  }
}
