/** The steps on groups: started beside the old ones, handed over where only one may run, retired when nobody waits for them. */
import * as z from 'zod'
import { FettleError } from '../../core/errors.ts'
import { groupName } from '../../core/names.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import type { Backend, GroupState } from '../../ports/runtime.ts'
import { requireRelease } from '../environment.ts'
import { groupOf } from '../groups.ts'
import type { World } from '../world.ts'

/** One activation of a release: which run of it, on which data. */
export const Activation = z.object({
  release: z.string(),
  activation: z.string(),
  /** Store → folder of live data. */
  stores: z.record(z.string(), z.string()),
})
export type Activation = z.output<typeof Activation>

const GroupStart = Activation.extend({ service: z.string(), instances: z.number().int() })
const Handover = GroupStart.extend({ old: GroupStart.nullable() })
const Retire = z.object({ activation: z.string(), groups: z.array(z.string()), drainMs: z.number() })

const isRunning = (state: GroupState | undefined, instances: number): boolean =>
  state !== undefined && state.wanted === instances && state.instances.filter(instance => instance.state === 'ready').length === instances

async function findGroup(world: World, app: string, environment: string, name: string): Promise<GroupState | undefined> {
  const groups = await world.runtime.groups({ app, environment })
  return groups.find(group => group.name === name)
}

async function startGroup(world: World, input: z.output<typeof GroupStart>, { operation, signal }: StepContext): Promise<string> {
  const release = await requireRelease(world, operation, input.release)
  const group = await groupOf(world, release, input.service, input.activation, { stores: input.stores }, input.instances)
  await world.runtime.apply(group, signal)
  await untilReady(world, group.name, { operation, signal })
  return group.name
}

/** @throws FettleError NOT_READY, with where to find what it printed: the operation removes the group */
export function untilReady(
  world: World,
  name: string,
  { operation, signal }: Pick<StepContext, 'operation' | 'signal'>,
): Promise<Backend[]> {
  return world.runtime.ready(name, signal).catch(error => {
    if (!(error instanceof FettleError) || error.code !== 'NOT_READY') throw error
    const logs = `\`fettle logs --operation ${operation.id}\` shows all it printed.`
    const hint = error.hint === undefined ? logs : `${error.hint} ${logs}`
    throw new FettleError(error.code, error.message, { ...error, hint, cause: error })
  })
}

/** Where a service answers before it has traffic. @throws FettleError NOT_READY */
export async function backendOf(world: World, name: string, signal: AbortSignal): Promise<Backend> {
  const [backend] = await world.runtime.ready(name, signal)
  if (backend === undefined) throw new FettleError('NOT_READY', `${name} has no instance to ask`)
  return backend
}

const groupStart = (world: World) =>
  stepKind({
    kind: 'group.start@1',
    input: GroupStart,
    cancel: 'now',
    silentForMs: 60_000,
    async observe(input, { operation }) {
      const name = groupName(operation.app, operation.environment, input.service, input.activation)
      const state = await findGroup(world, operation.app, operation.environment, name)
      if (isRunning(state, input.instances)) return { present: { group: name } }
      return state === undefined ? 'absent' : 'partial'
    },
    async run(input, context) {
      const group = await startGroup(world, input, context)
      await context.fault('ready')
      return { group }
    },
    async undo(input, { operation, signal }) {
      await world.runtime.remove(groupName(operation.app, operation.environment, input.service, input.activation), signal, operation.id)
    },
  })

/** Never two at once: the old one is seen dead before the new one starts; the gap is measured. */
const singletonHandover = (world: World) =>
  stepKind({
    kind: 'singleton.handover@1',
    input: Handover,
    cancel: 'now',
    silentForMs: 60_000,
    async observe(input, { operation }) {
      const name = groupName(operation.app, operation.environment, input.service, input.activation)
      const state = await findGroup(world, operation.app, operation.environment, name)
      return isRunning(state, input.instances) ? { present: { group: name, gapMs: null } } : 'partial'
    },
    async run(input, context) {
      const { operation, signal, fault, tell } = context
      const { app, environment } = operation
      if (input.old !== null) await world.runtime.stop(groupName(app, environment, input.service, input.old.activation), signal)
      const stoppedAt = world.clock.monotonic()
      await fault('old-stopped')
      const group = await startGroup(world, input, context)
      const gapMs = input.old === null ? null : Math.round(world.clock.monotonic() - stoppedAt)
      if (gapMs !== null) tell(`none was ready for ${gapMs} ms`)
      return { group, gapMs }
    },
    async undo(input, context) {
      const { id, app, environment } = context.operation
      await world.runtime.remove(groupName(app, environment, input.service, input.activation), context.signal, id)
      if (input.old !== null && input.old.instances > 0) await startGroup(world, input.old, context)
    },
  })

const groupsStop = (world: World) =>
  stepKind({
    kind: 'groups.stop@1',
    input: Activation.extend({ services: z.record(z.string(), z.number().int()) }),
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, { operation, signal, fault }) {
      const { app, environment } = operation
      for (const service of Object.keys(input.services)) {
        await world.runtime.stop(groupName(app, environment, service, input.activation), signal)
        await fault(`stopped-${service}`)
      }
      return { stopped: Object.keys(input.services) }
    },
    async undo(input, context) {
      for (const [service, instances] of Object.entries(input.services)) await startGroup(world, { ...input, service, instances }, context)
    },
  })

/** An app may end at once on its stop signal, so it gets that only when nobody waits for its answer. */
async function drained(world: World, activation: string, drainMs: number, signal: AbortSignal, log: (text: string) => void): Promise<void> {
  const began = world.clock.monotonic()
  const first = await world.proxy.inFlight(activation)
  if (first > 0) log(`${first} requests are in flight to the old instances; they get their answers first`)
  while ((await world.proxy.inFlight(activation)) > 0 && world.clock.monotonic() - began < drainMs) await world.clock.sleep(5, signal)
}

const groupsRetire = (world: World) =>
  stepKind({
    kind: 'groups.retire@1',
    input: Retire,
    cancel: 'at-end',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, { signal, fault, log }) {
      await drained(world, input.activation, input.drainMs, signal, log)
      await Promise.all(input.groups.map(name => world.runtime.stop(name, signal)))
      await fault('stopped')
      for (const name of input.groups) await world.runtime.remove(name, signal)
      return { removed: input.groups }
    },
    undo: 'nothing',
  })

export const groupKinds = (world: World) => [groupStart(world), singletonHandover(world), groupsStop(world), groupsRetire(world)]
