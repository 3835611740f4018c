/**
 * A runtime without processes, for tests of the layers above. What a program does is told by `behave`; services that serve are
 * real HTTP servers on loopback, so that what reads a backend works. The machine outlives a runtime as processes outlive an agent.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { FettleError } from '../../../core/errors.ts'
import { Secret } from '../../../core/secret.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Backend, Command, CommandResult, Group, GroupState, InstanceState, Labels, LogLine, Runtime } from '../../../ports/runtime.ts'

/** What a program does, by what it was started with. */
export type Behaviour =
  | { serves: (request: IncomingMessage) => { status: number; body?: string } }
  | { exits: number; prints?: string }
  | 'waits'

export type Behave = (program: Group | Command) => Behaviour

interface MemoryInstance {
  state: InstanceState
  server?: Server
}

interface MemoryCommand {
  command: Command
  startedAt: number
  result?: CommandResult
  ended: PromiseWithResolvers<CommandResult>
}

export class MemoryMachine {
  readonly groups = new Map<string, { group: Group; instances: MemoryInstance[] }>()
  readonly commands = new Map<string, MemoryCommand>()
  readonly sandboxes = new Set<string>()
  readonly lines: Omit<LogLine, 'cursor'>[] = []
  pids = 0
  /** Called when a line is added. */
  onLine: () => void = () => undefined
}

const matches = (labels: Labels, selector: Partial<Labels>) =>
  Object.entries(selector).every(([key, value]) => value === undefined || labels[key as keyof Labels] === value)

const cancelled = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = () => reject(new FettleError('CANCELLED', 'waiting was cancelled'))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })

export function createMemoryRuntime(options: { clock: Clock; behave: Behave; machine?: MemoryMachine }): Runtime {
  const { clock, behave, machine = new MemoryMachine() } = options
  const listeners = new Set<(group: GroupState) => void>()
  const print = (unit: string, labels: Labels, text: string) => {
    for (const line of text.split('\n')) machine.lines.push({ unit, labels, at: clock.now(), text: line })
    machine.onLine()
  }
  const stateOf = ({ group, instances }: { group: Group; instances: MemoryInstance[] }): GroupState => ({
    name: group.name,
    labels: group.labels,
    wanted: group.instances,
    instances: instances.map(({ state }) => ({ ...state })),
  })
  const tell = (name: string) => {
    const live = machine.groups.get(name)
    if (live !== undefined) for (const listener of listeners) listener(stateOf(live))
  }

  async function start(group: Group, index: number): Promise<MemoryInstance> {
    const behaviour = behave(group)
    machine.pids += 1
    const state: InstanceState = { index, state: 'starting', pid: machine.pids, startedAt: clock.now(), restarts: 0 }
    if (behaviour === 'waits') return { state: { ...state, state: 'ready' } }
    if ('exits' in behaviour) {
      if (behaviour.prints !== undefined) print(`${group.name}.${index}`, group.labels, behaviour.prints)
      return { state: { ...state, state: 'backoff', restarts: 1, lastExit: `exited ${behaviour.exits}` } }
    }
    const server = createServer((request, response) => {
      const { status, body = '' } = behaviour.serves(request)
      response.writeHead(status).end(body)
    })
    await once(server.listen(0, '127.0.0.1').unref(), 'listening')
    const backend: Backend = { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    const { status } = await fetch(`http://127.0.0.1:${backend.port}${group.ready?.http ?? '/'}`)
    return { server, state: { ...state, state: status < 400 ? 'ready' : 'unready', backend } }
  }

  function end(instance: MemoryInstance): void {
    instance.server?.close()
    instance.server?.closeAllConnections()
    if (instance.state.state !== 'stopped') instance.state = { ...instance.state, state: 'stopped', lastExit: 'killed by SIGTERM' }
  }

  function endCommand(name: string, code: number, tail: string, timedOut = false): void {
    const live = machine.commands.get(name)
    if (live === undefined || live.result !== undefined) return
    live.result = { code, timedOut, durationMs: clock.now() - live.startedAt, tail: tail.slice(-4096) }
    live.ended.resolve(live.result)
  }

  function startCommand(command: Command): MemoryCommand {
    const live: MemoryCommand = { command, startedAt: clock.now(), ended: Promise.withResolvers() }
    machine.commands.set(command.name, live)
    const behaviour = behave(command)
    if (behaviour !== 'waits' && 'exits' in behaviour) {
      const secrets = Object.values(command.env).filter(value => value instanceof Secret)
      const output = secrets.reduce((text, secret) => text.replaceAll(secret.reveal(), '••••'), behaviour.prints ?? '')
      if (output !== '') print(command.name, command.labels, output)
      endCommand(command.name, behaviour.exits, output)
    } else if (command.timeoutMs !== undefined) {
      void delay(command.timeoutMs, undefined, { ref: false }).then(() => endCommand(command.name, 143, '', true))
    }
    return live
  }

  const runtime: Runtime = {
    caps: { memory: 'none', memoryReason: 'nothing runs in memory', isolation: 'network+files' },

    async apply(group) {
      const live = machine.groups.get(group.name) ?? { group, instances: [] }
      live.group = group
      machine.groups.set(group.name, live)
      for (const surplus of live.instances.splice(group.instances)) end(surplus)
      for (let index = 0; index < group.instances; index++) {
        const present = live.instances[index]
        if (present === undefined || present.state.state === 'stopped') live.instances[index] = await start(group, index)
      }
      tell(group.name)
    },

    async ready(name, signal) {
      const live = machine.groups.get(name)
      if (live === undefined) throw new FettleError('NOT_FOUND', `no group ${name} was applied here`)
      const { ready } = live.group
      const late = live.instances.find(({ state }) => state.state !== 'ready')?.state
      if (late === undefined) return live.instances.map(({ state }) => state.backend).filter(backend => backend !== undefined)
      await Promise.race([clock.sleep(ready?.within ?? 0, signal), cancelled(signal)])
      const answer = late.backend?.kind === 'tcp' ? (await fetch(`http://127.0.0.1:${late.backend.port}`)).status : late.lastExit
      const said = machine.lines.filter(({ unit }) => unit === `${name}.${late.index}`).map(({ text }) => text)
      throw new FettleError('NOT_READY', `${name}.${late.index} was not ready: asked GET ${ready?.http}: ${answer}; ${said.join('\n')}`)
    },

    groups: async selector => [...machine.groups.values()].filter(({ group }) => matches(group.labels, selector)).map(stateOf),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async stop(name) {
      for (const instance of machine.groups.get(name)?.instances ?? []) end(instance)
      tell(name)
    },
    async remove(name, signal) {
      await runtime.stop(name, signal)
      machine.groups.delete(name)
    },

    run: (command, signal) =>
      Promise.race([(machine.commands.get(command.name) ?? startCommand(command)).ended.promise, cancelled(signal)]),
    async command(name) {
      const live = machine.commands.get(name)
      if (live === undefined) return { state: 'absent' }
      return live.result === undefined ? { state: 'running', sinceMs: live.startedAt } : { state: 'exited', result: live.result }
    },
    kill: async name => endCommand(name, 143, ''),
    async forget(name) {
      endCommand(name, 143, '')
      machine.commands.delete(name)
    },
    commands: async selector =>
      [...machine.commands.values()].filter(({ command }) => matches(command.labels, selector)).map(({ command }) => command.name),

    async openSandbox(name) {
      machine.sandboxes.add(name)
      return { name, isolation: 'network+files', mails: async () => 0 }
    },
    async closeSandbox(name) {
      for (const { group, instances } of machine.groups.values()) if (group.sandbox === name) instances.forEach(end)
      for (const { command } of machine.commands.values()) if (command.sandbox === name) endCommand(command.name, 137, '')
      machine.sandboxes.delete(name)
    },
    sandboxes: async () => [...machine.sandboxes],

    async *logs(selector, { cursor, sinceMs = 0, lines, follow }, signal) {
      const chosen = () =>
        machine.lines.map((line, i) => ({ ...line, cursor: String(i + 1) })).filter(line => matches(line.labels, selector))
      const first = chosen()
      const from = cursor ?? (lines === undefined ? '0' : (first.at(-lines - 1)?.cursor ?? '0'))
      for (let position = Number(from); ; ) {
        const next = chosen().find(line => Number(line.cursor) > position && line.at >= sinceMs)
        if (next !== undefined) {
          position = Number(next.cursor)
          yield next
        } else {
          if (!follow || signal.aborted) return
          const { promise, resolve } = Promise.withResolvers<void>()
          machine.onLine = resolve
          await Promise.race([promise, cancelled(signal).catch(() => undefined)])
        }
      }
    },

    open: async () => undefined,
    close: async () => listeners.clear(),
  }
  return runtime
}
