/**
 * What runs services and commands. The interface is declarative: the agent states what should run under deterministic names,
 * the platform (systemd, Docker, Kubernetes) or the shim of `process` supervises it, also while no agent lives.
 *
 * Words: a *group* is one service of one release with its instances; a *command* runs once and leaves a result; a *unit* is
 * one instance or one command; a *sandbox* is a place from which nothing leaves, for drills and rehearsals.
 */

import type { Secret } from '../core/secret.ts'
import type { ReadyCheck } from '../core/spec/schema.ts'

export interface RuntimeCaps {
  /** `enforced` by the kernel; `polled` by the agent, with its delay; `none`. */
  memory: 'enforced' | 'polled' | 'none'
  /** The reason is printed where a capability is lacking. */
  memoryReason?: string
  /** Whether a sandbox keeps everything in. One that keeps in less is none. */
  isolation: 'network+files' | 'none'
  isolationReason?: string
  /** What it takes, and how to come by it. */
  isolationNeeds?: string
  /**
   * How what a unit started is found at its end. `kernel`: all of it. `sweep`: by its environment, which a process can clear.
   */
  orphans: 'kernel' | 'sweep'
  orphansReason?: string
}

/** Name parts that every unit carries; a selector is a subset of them. */
export interface Labels {
  app: string
  environment: string
  /** `service` | `command` */
  service?: string
  release?: string
  /** The operation that made a command or a scratch group. */
  operation?: string
}

/** Deterministic; `[a-z0-9.-]`, at most 100 characters; the same id means the same group or command. */
export type UnitName = string

export type Environment = Record<string, string | Secret>

export interface Group {
  name: UnitName
  labels: Labels
  /** Run without a shell. */
  argv: string[]
  cwd: string
  env: Environment
  instances: number
  /** Gets PORT in its environment and is a backend. */
  port: boolean
  ready?: ReadyCheck
  stop: { signal: NodeJS.Signals; drainMs: number }
  limits: { memoryBytes?: number }
  sandbox?: SandboxName
}

export interface Command {
  /** Same name = same run: a second `run` adopts the first, finished or not. */
  name: UnitName
  labels: Labels
  argv: string[]
  cwd: string
  env: Environment
  /** Given on standard input; a named pipe is opened at the start and removed then. Without: none. */
  stdin?: string | Secret | { pipe: string }
  /**
   * Named pipes that get its output byte by byte; one path for both keeps their order. It ends once all was read, or nobody reads any
   * more: who goes away does not end it. The log keeps what goes to `stderr`, and not what goes to `stdout` alone.
   */
  output?: { stdout: string; stderr: string }
  /** Killed after so long; the result then says `timedOut`. */
  timeoutMs?: number
  limits?: { memoryBytes?: number }
  sandbox?: SandboxName
}

export type CommandState =
  | { state: 'absent' }
  | { state: 'running'; sinceMs: number }
  | { state: 'exited'; result: CommandResult }
  /** It was started and is gone without a result: the machine went down, or somebody removed its shim. */
  | { state: 'lost' }

export interface CommandResult {
  /** Exit status; 128 + n after signal n, as in a shell. */
  code: number
  timedOut: boolean
  durationMs: number
  /** Up to the last 4 KiB of its output, redacted. */
  tail: string
}

/**
 * Where requests go. Opaque to everything but `Proxy` drivers and `reach`. `unit` tells who should listen there, also while no agent lives:
 * it is a folder whose file `state` begins with the words boot id, phase, supervisor's pid, pid, start in clock ticks after boot. Unless the
 * phase is `running`, and the listener that pid's or of something with FETTLE_UNIT=<folder> in its environment, a stranger has the port.
 */
export type Backend = { kind: 'tcp'; host: string; port: number; unit?: string } | { kind: 'unix'; path: string }

export interface InstanceState {
  index: number
  /** `backoff`: ended and waits for its next start. */
  state: 'starting' | 'ready' | 'unready' | 'backoff' | 'stopping' | 'stopped' | 'unknown'
  pid?: number
  /** Wall clock, ms. */
  startedAt?: number
  restarts: number
  /** Exit status of the last end, in the words `exited 1` or `killed by SIGKILL`. */
  lastExit?: string
  memoryBytes?: number
  backend?: Backend
}

export interface GroupState {
  name: UnitName
  labels: Labels
  wanted: number
  instances: InstanceState[]
}

export type SandboxName = string

/** What is seen in a sandbox besides a machine that can only be read, with temporary folders of its own. Folders are absolute. */
export interface SandboxView {
  /** Folders that are empty in it, or files. */
  hide: string[]
  /** Shown, also below a hidden one, and really written: copies that nobody misses. Made where they are missing. */
  write: string[]
  /** Shown, also below a hidden one; what is written there is seen in the sandbox only and goes with it. */
  copy: string[]
}

export interface Sandbox {
  name: SandboxName
  isolation: RuntimeCaps['isolation']
  /** Messages that the mail sink took so far. */
  mails(): Promise<number>
}

export interface LogLine {
  /** Name of the unit: group name + `.` + index, or command name. */
  unit: UnitName
  labels: Labels
  /** Wall clock, ms, as near as the runtime knows it. */
  at: number
  text: string
  /** Opaque position behind this line, to go on from. */
  cursor: string
}

export interface Runtime {
  readonly caps: RuntimeCaps

  /**
   * Makes the group run as stated and returns once every missing instance is started (not ready). Idempotent; adopts what runs
   * under the name. Fewer `instances` than run: the surplus is stopped gracefully. Not concurrent with itself for one name.
   * @throws FettleError PORT_IN_USE, DISK_FULL, READ_ONLY
   */
  apply(group: Group, signal: AbortSignal): Promise<void>

  /**
   * Waits until all instances are ready, by the group's own check and with proof that the listener is the unit's.
   * @returns the backends, by index
   * @throws FettleError NOT_READY with the reason and the last lines of the log; CANCELLED
   */
  ready(name: UnitName, signal: AbortSignal): Promise<Backend[]>

  /** What runs now; list from the platform, not from memory. Groups only. */
  groups(selector: Partial<Labels>): Promise<GroupState[]>

  /** Calls back after any change of a group (start, ready, exit, removal). Idempotent stop. */
  onChange(listener: (group: GroupState) => void): () => void

  /** Sends the stop signal, waits for the drain time, kills what is left of the unit (grandchildren too). Idempotent; resolves when dead. The group stays listed as stopped. */
  stop(name: UnitName, signal: AbortSignal): Promise<void>

  /**
   * Stops when needed, then removes every trace but its archived log. With `operation`, which gives it up, that log is read with what the
   * commands of that operation said. Idempotent.
   */
  remove(name: UnitName, signal: AbortSignal, operation?: string): Promise<void>

  /**
   * Starts the command unless one of that name was ever started, then waits for its result. The abort signal detaches: the
   * command goes on and may be adopted later. A non-zero status is a result, not an error.
   * @throws FettleError LOST, CANCELLED
   */
  run(command: Command, signal: AbortSignal): Promise<CommandResult>
  command(name: UnitName): Promise<CommandState>
  /** Ends it (TERM, after 5 s KILL) with all it started. Idempotent. */
  kill(name: UnitName): Promise<void>
  /** Removes a finished command's folder, its log archived. Idempotent. */
  forget(name: UnitName): Promise<void>
  /** Names of commands, finished or not. */
  commands(selector: Partial<Labels>): Promise<UnitName[]>

  /**
   * A place with no way out: an own network in which only loopback works and mail goes to a sink, no process of outside to be seen
   * or signalled, no device, and of the files what `view` says. Idempotent by name; survives the agent.
   * With `caps.isolation === 'none'` throws UNSUPPORTED with the reason.
   */
  openSandbox(name: SandboxName, view: SandboxView, signal: AbortSignal): Promise<Sandbox>
  /** Ends everything in it and removes it. Idempotent. */
  closeSandbox(name: SandboxName): Promise<void>
  /** Also those that the machine took down with it. */
  sandboxes(): Promise<SandboxName[]>
  /** Whether it still holds what runs in it. */
  isSandboxOpen(name: SandboxName): Promise<boolean>

  /**
   * Lines of all units that match, oldest first; `sinceMs` is wall clock; `follow` goes on until the signal aborts, which is no error.
   * Of a unit that was not removed: everything, over every rotation, as far as its limits of size and age keep it. Of a removed group:
   * its archive until the archives' own limits drop it, but what it said in a sandbox, as what a forgotten command said, only where the
   * selector names the operation that removed or ran it. `lines`, `sinceMs` and `cursor` are over all of these. A damaged archive ends
   * with a line that says so.
   */
  logs(
    selector: Partial<Labels>,
    options: { cursor?: string; sinceMs?: number; lines?: number; follow: boolean },
    signal: AbortSignal,
  ): AsyncIterable<LogLine>

  /** Re-adopts everything that runs; called once when the agent starts. */
  open(): Promise<void>
  /** Lets go of everything and leaves it running. Idempotent. */
  close(): Promise<void>
}
