/** What outlives a memory runtime as processes outlive an agent, and how its programs behave. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Command, CommandResult, Group, GroupState, InstanceState, Labels, LogLine } from '../../../ports/runtime.ts'

/** What a program does, by what it was started with. */
export type Behaviour =
  | { serves: (request: IncomingMessage) => { status: number; body?: string } }
  | { exits: number; prints?: string }
  /** Until told to end. */
  | 'waits'

export type Behave = (program: Group | Command) => Behaviour

export interface MemoryInstance {
  state: InstanceState
  server?: Server
}

export interface MemoryGroup {
  group: Group
  instances: MemoryInstance[]
}

export interface MemoryCommand {
  command: Command
  startedAt: number
  result?: CommandResult
  ended: PromiseWithResolvers<CommandResult>
}

export class MemoryMachine {
  readonly groups = new Map<string, MemoryGroup>()
  readonly commands = new Map<string, MemoryCommand>()
  readonly sandboxes = new Set<string>()
  readonly lines: Omit<LogLine, 'cursor'>[] = []
  #pids = 0
  #line = Promise.withResolvers<void>()

  nextPid(): number {
    this.#pids += 1
    return this.#pids
  }

  print(unit: string, labels: Labels, text: string, at: number): void {
    for (const line of text.split('\n')) this.lines.push({ unit, labels, at, text: line })
    this.#line.resolve()
    this.#line = Promise.withResolvers()
  }

  /** Resolves with the next line that is printed. */
  get nextLine(): Promise<void> {
    return this.#line.promise
  }
}

export async function serve(
  answer: (request: IncomingMessage) => { status: number; body?: string },
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const { status, body = '' } = answer(request)
    response.writeHead(status).end(body)
  })
  await once(server.listen(0, '127.0.0.1').unref(), 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

export function endInstance(instance: MemoryInstance): void {
  instance.server?.close()
  instance.server?.closeAllConnections()
  if (instance.state.state !== 'stopped') instance.state = { ...instance.state, state: 'stopped', lastExit: 'killed by SIGTERM' }
}

export const matches = (labels: Labels, selector: Partial<Labels>): boolean =>
  Object.entries(selector).every(([key, value]) => value === undefined || labels[key as keyof Labels] === value)

export const stateOf = ({ group, instances }: MemoryGroup): GroupState => ({
  name: group.name,
  labels: group.labels,
  wanted: group.instances,
  instances: instances.map(({ state }) => ({ ...state })),
})
