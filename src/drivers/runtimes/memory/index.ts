/**
 * A runtime without processes, for tests of the layers above. What a program does is told by `behave`; services that serve are
 * real HTTP servers on loopback, so that what reads a backend works. A second runtime over the same machine is the next agent.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { FettleError } from '../../../core/errors.ts'
import { Secret } from '../../../core/secret.ts'
import type { Clock } from '../../../ports/clock.ts'
import type {
  Backend,
  Command,
  CommandResult,
  CommandState,
  Group,
  GroupState,
  InstanceState,
  Labels,
  LogLine,
  Runtime,
  RuntimeCaps,
  Sandbox,
} from '../../../ports/runtime.ts'
import { type Behave, endInstance, type MemoryCommand, type MemoryInstance, MemoryMachine, matches, serve, stateOf } from './machine.ts'

class MemoryRuntime implements Runtime {
  readonly caps: RuntimeCaps = { memory: 'none', memoryReason: 'nothing runs in memory', isolation: 'network+files', orphans: 'kernel' }
  readonly #clock: Clock
  readonly #behave: Behave
  readonly #machine: MemoryMachine
  readonly #listeners = new Set<(group: GroupState) => void>()

  constructor(clock: Clock, behave: Behave, machine: MemoryMachine) {
    this.#clock = clock
    this.#behave = behave
    this.#machine = machine
  }

  async apply(group: Group): Promise<void> {
    const live = this.#machine.groups.get(group.name) ?? { group, instances: [] }
    live.group = group
    this.#machine.groups.set(group.name, live)
    for (const surplus of live.instances.splice(group.instances)) endInstance(surplus)
    for (let index = 0; index < group.instances; index++) {
      if ((live.instances[index]?.state.state ?? 'stopped') === 'stopped') live.instances[index] = await this.#start(group, index)
    }
    this.#tell(group.name)
  }

  async #start(group: Group, index: number): Promise<MemoryInstance> {
    const behaviour = this.#behave(group)
    const state: InstanceState = { index, state: 'ready', pid: this.#machine.nextPid(), startedAt: this.#clock.now(), restarts: 0 }
    if (behaviour === 'waits') return { state }
    if ('exits' in behaviour) {
      if (behaviour.prints !== undefined) this.#machine.print(`${group.name}.${index}`, group.labels, behaviour.prints, this.#clock.now())
      return { state: { ...state, state: 'backoff', restarts: 1, lastExit: `exited ${behaviour.exits}` } }
    }
    const { server, port } = await serve(behaviour.serves)
    const { status } = await fetch(`http://127.0.0.1:${port}${group.ready?.http ?? '/'}`)
    return { server, state: { ...state, state: status < 400 ? 'ready' : 'unready', backend: { kind: 'tcp', host: '127.0.0.1', port } } }
  }

  #tell(name: string): void {
    const live = this.#machine.groups.get(name)
    if (live !== undefined) for (const listener of this.#listeners) listener(stateOf(live))
  }

  async ready(name: string, signal: AbortSignal): Promise<Backend[]> {
    const live = this.#machine.groups.get(name)
    if (live === undefined) throw new FettleError('NOT_FOUND', `no group ${name} was applied here`)
    const late = live.instances.find(({ state }) => state.state !== 'ready')?.state
    if (late === undefined) return live.instances.map(({ state }) => state.backend).filter(backend => backend !== undefined)
    const { http = '/', within } = live.group.ready ?? { within: 0 }
    await this.#clock.sleep(within, signal)
    const answer = late.backend?.kind === 'tcp' ? (await fetch(`http://127.0.0.1:${late.backend.port}${http}`)).status : late.lastExit
    const unit = `${name}.${late.index}`
    const lines = this.#machine.lines.filter(line => line.unit === unit).map(({ text }) => text)
    throw new FettleError('NOT_READY', `${unit} was not ready within ${within} ms: asked GET ${http}: ${answer}; ${lines.join('\n')}`)
  }

  async groups(selector: Partial<Labels>): Promise<GroupState[]> {
    return [...this.#machine.groups.values()].filter(({ group }) => matches(group.labels, selector)).map(stateOf)
  }

  onChange(listener: (group: GroupState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async stop(name: string): Promise<void> {
    for (const instance of this.#machine.groups.get(name)?.instances ?? []) endInstance(instance)
    this.#tell(name)
  }

  async remove(name: string): Promise<void> {
    await this.stop(name)
    this.#machine.groups.delete(name)
  }

  run(command: Command, signal: AbortSignal): Promise<CommandResult> {
    const { ended } = this.#machine.commands.get(command.name) ?? this.#startCommand(command)
    const { promise, resolve, reject } = Promise.withResolvers<CommandResult>()
    signal.addEventListener('abort', () => reject(new FettleError('CANCELLED', `waiting for ${command.name} was cancelled`)))
    void ended.promise.then(resolve)
    return promise
  }

  #startCommand(command: Command): MemoryCommand {
    const { name, labels, env, timeoutMs } = command
    const live: MemoryCommand = { command, startedAt: this.#clock.now(), ended: Promise.withResolvers() }
    this.#machine.commands.set(name, live)
    const behaviour = this.#behave(command)
    if (behaviour !== 'waits' && 'exits' in behaviour) {
      const secrets = Object.values(env).filter(value => value instanceof Secret)
      const output = secrets.reduce((text, secret) => text.replaceAll(secret.reveal(), '••••'), behaviour.prints ?? '')
      if (output !== '') this.#machine.print(name, labels, output, this.#clock.now())
      this.#end(name, { code: behaviour.exits, tail: output.slice(-4096) })
    } else if (timeoutMs !== undefined) {
      void delay(timeoutMs, undefined, { ref: false }).then(() => this.#end(name, { code: 143, timedOut: true }))
    }
    return live
  }

  #end(name: string, { code, tail = '', timedOut = false }: { code: number; tail?: string; timedOut?: boolean }): void {
    const live = this.#machine.commands.get(name)
    if (live === undefined || live.result !== undefined) return
    live.result = { code, timedOut, durationMs: this.#clock.now() - live.startedAt, tail }
    live.ended.resolve(live.result)
  }

  async command(name: string): Promise<CommandState> {
    const live = this.#machine.commands.get(name)
    if (live === undefined) return { state: 'absent' }
    return live.result === undefined ? { state: 'running', sinceMs: live.startedAt } : { state: 'exited', result: live.result }
  }

  async kill(name: string): Promise<void> {
    this.#end(name, { code: 143 })
  }

  async forget(name: string): Promise<void> {
    await this.kill(name)
    this.#machine.commands.delete(name)
  }

  async commands(selector: Partial<Labels>): Promise<string[]> {
    return [...this.#machine.commands.values()]
      .filter(({ command }) => matches(command.labels, selector))
      .map(({ command }) => command.name)
  }

  async openSandbox(name: string): Promise<Sandbox> {
    this.#machine.sandboxes.add(name)
    return { name, isolation: this.caps.isolation, mails: async () => 0 }
  }

  async closeSandbox(name: string): Promise<void> {
    for (const { group, instances } of this.#machine.groups.values()) if (group.sandbox === name) instances.forEach(endInstance)
    for (const { command } of this.#machine.commands.values()) if (command.sandbox === name) this.#end(command.name, { code: 137 })
    this.#machine.sandboxes.delete(name)
  }

  async isSandboxOpen(name: string): Promise<boolean> {
    return this.#machine.sandboxes.has(name)
  }

  async sandboxes(): Promise<string[]> {
    return [...this.#machine.sandboxes]
  }

  async *logs(
    selector: Partial<Labels>,
    options: { cursor?: string; sinceMs?: number; lines?: number; follow: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<LogLine> {
    const { sinceMs = 0, lines, follow } = options
    const all = () =>
      this.#machine.lines.map((line, i) => ({ ...line, cursor: String(i + 1) })).filter(line => matches(line.labels, selector))
    const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    let position = Number(options.cursor ?? (lines === undefined ? 0 : (all().at(-lines - 1)?.cursor ?? 0)))
    while (!signal.aborted) {
      const next = all().find(line => Number(line.cursor) > position && line.at >= sinceMs)
      if (next !== undefined) {
        position = Number(next.cursor)
        yield next
      } else if (follow) await Promise.race([this.#machine.nextLine, aborted])
      else return
    }
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {
    this.#listeners.clear()
  }
}

export function createMemoryRuntime(options: { clock: Clock; behave: Behave; machine?: MemoryMachine }): Runtime {
  return new MemoryRuntime(options.clock, options.behave, options.machine ?? new MemoryMachine())
}
