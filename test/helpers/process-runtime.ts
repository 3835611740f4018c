/** A process runtime in a folder of its own, and the proof after each test that nothing of it is left on the machine. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createProcessRuntime, type ProcessRuntimeOptions } from '../../src/drivers/runtimes/process/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Command, Group, GroupState, InstanceState, Runtime } from '../../src/ports/runtime.ts'

export const never = new AbortController().signal
export const labels = { app: 'shop', environment: 'test', service: 'web' }
export const nodeScript = (code: string): string[] => [process.execPath, '-e', code]
/** A server that says its pid, and `up` when it listens. */
export const server = nodeScript(
  `require('node:http').createServer((_, a) => a.end(String(process.pid))).listen(process.env.PORT, '127.0.0.1', () => console.log('up'))`,
)

export const group = (changes: Partial<Group> = {}): Group => ({
  name: 'web',
  labels,
  argv: server,
  cwd: tmpdir(),
  env: {},
  instances: 1,
  port: true,
  ready: { http: '/', within: 20_000 },
  stop: { signal: 'SIGTERM', drainMs: 2000 },
  limits: {},
  ...changes,
})

export const command = (argv: string[], changes: Partial<Command> = {}): Command => ({
  name: 'op',
  labels: { ...labels, operation: 'op' },
  argv,
  cwd: tmpdir(),
  env: {},
  ...changes,
})

export interface TestPlace {
  home: string
  runtime: Runtime
  messages: string[]
  /** Lets go of the first runtime and opens another, as a new agent does. */
  reopen(): Promise<Runtime>
}

export async function openRuntime(context: TestContext, options: Partial<ProcessRuntimeOptions> = {}): Promise<TestPlace> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'fettle-process-')))
  const messages: string[] = []
  const create = async () => {
    const ports = { from: 20_000, to: 20_999 }
    const runtime = createProcessRuntime({ home, clock: systemClock, ports, log: message => messages.push(message), ...options })
    await runtime.open()
    return runtime
  }
  const place: TestPlace = {
    home,
    messages,
    runtime: await create(),
    async reopen() {
      await place.runtime.close()
      place.runtime = await create()
      return place.runtime
    },
  }
  context.after(async () => {
    await removeAll(place.runtime)
    await place.runtime.close()
    assertNothingLeft(home)
    await rm(home, { recursive: true })
  })
  return place
}

async function removeAll(runtime: Runtime): Promise<void> {
  for (const { name } of await runtime.groups({})) await runtime.remove(name, never)
  for (const name of await runtime.commands({})) await runtime.forget(name)
  for (const name of await runtime.sandboxes()) await runtime.closeSandbox(name)
}

/** Processes that were started from a home, at any depth, shims too. */
export function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(pid => {
      try {
        return [readFileSync(`/proc/${pid}/environ`, 'utf8'), readFileSync(`/proc/${pid}/cmdline`, 'utf8')].some(text =>
          text.includes(home),
        )
      } catch {
        return false
      }
    })
    .map(Number)
}

export function assertNothingLeft(home: string): void {
  assert.deepEqual(processesOf(home), [], 'no process is left')
  const units = join(home, 'units')
  for (const kind of ['groups', 'commands', 'sandboxes', 'trash', 's']) {
    const folder = join(units, kind)
    assert.deepEqual(existsSync(folder) ? readdirSync(folder) : [], [], `no folder is left in ${kind}`)
  }
}

export async function instance(runtime: Runtime, index = 0): Promise<InstanceState> {
  const found = (await runtime.groups({}))[0]?.instances[index]
  assert.ok(found)
  return found
}

/** The first state of a group that is as wanted, the present one included. */
export async function untilGroup(runtime: Runtime, isIt: (state: GroupState) => boolean): Promise<GroupState> {
  const { promise, resolve } = Promise.withResolvers<GroupState>()
  const stop = runtime.onChange(state => {
    if (isIt(state)) resolve(state)
  })
  const present = (await runtime.groups({})).find(isIt)
  if (present !== undefined) resolve(present)
  return promise.finally(stop)
}

export async function linesOf(runtime: Runtime): Promise<string[]> {
  const texts = []
  for await (const { text } of runtime.logs({}, { follow: false }, never)) texts.push(text)
  return texts
}
