/**
 * The steps that bring a release to serve: groups started and tested beside the old ones, singletons handed over, routes switched in
 * one atomic write, the old groups retired.
 */
import * as z from 'zod'
import { FettleError, toFettleError } from '../../core/errors.ts'
import { groupName } from '../../core/names.ts'
import { smokeTestService } from '../../core/spec/derived.ts'
import type { SmokeTest, Spec } from '../../core/spec/schema.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import { runSmokeTest } from '../../lib/smoke.ts'
import type { RouteTable } from '../../ports/proxy.ts'
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
const Switch = Activation.extend({
  expected: z.number().int(),
  instances: z.record(z.string(), z.number().int()),
})
const Retire = z.object({ activation: z.string(), groups: z.array(z.string()), drainMs: z.number() })

const isRunning = (state: GroupState | undefined, instances: number): boolean =>
  state !== undefined && state.wanted === instances && state.instances.filter(instance => instance.state === 'ready').length === instances

async function findGroup(world: World, app: string, environment: string, name: string): Promise<GroupState | undefined> {
  const groups = await world.runtime.groups({ app, environment })
  return groups.find(group => group.name === name)
}

async function startGroup(
  world: World,
  input: z.output<typeof GroupStart>,
  app: string,
  environment: string,
  signal: AbortSignal,
): Promise<string> {
  const release = await requireRelease(world, app, environment, input.release)
  const group = await groupOf(world, release, input.service, input.activation, { stores: input.stores }, input.instances)
  await world.runtime.apply(group, signal)
  await world.runtime.ready(group.name, signal)
  return group.name
}

/** Where a service answers before it has traffic. @throws FettleError NOT_READY */
export async function backendOf(world: World, name: string, signal: AbortSignal): Promise<Backend> {
  const [backend] = await world.runtime.ready(name, signal)
  if (backend === undefined) throw new FettleError('NOT_READY', `${name} has no instance to ask`)
  return backend
}

/** The service that a smoke test asks, also where there is no route. */
export const testedService = (spec: Spec, test: SmokeTest): string => smokeTestService(spec, test) ?? Object.keys(spec.services)[0] ?? ''

export const hostOf = (spec: Spec, service: string): string => spec.routes.find(route => route.to === service)?.host ?? 'localhost'

/** All of a release's smoke tests against groups of one activation. @throws FettleError TEST_FAILED naming every failed one */
export async function smokeTests(
  spec: Spec,
  tests: SmokeTest[],
  backendFor: (service: string) => Promise<Backend>,
  { signal, log }: Pick<StepContext, 'signal' | 'log'>,
): Promise<number> {
  const failures: string[] = []
  for (const test of tests) {
    const service = testedService(spec, test)
    const result = await runSmokeTest(test, { backend: await backendFor(service), host: hostOf(spec, service) }, signal)
    log(`${test.method} ${test.http} on ${service}: ${result.passed ? 'passed' : result.why}`)
    if (!result.passed) failures.push(`${test.method} ${test.http} on ${service}: ${result.why}`)
  }
  if (failures.length > 0) throw new FettleError('TEST_FAILED', failures.join('\n'), { context: { failures } })
  return tests.length
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
    async run(input, { operation, signal, fault }) {
      const group = await startGroup(world, input, operation.app, operation.environment, signal)
      await fault('ready')
      return { group }
    },
    async undo(input, { operation, signal }) {
      await world.runtime.remove(groupName(operation.app, operation.environment, input.service, input.activation), signal)
    },
  })

const groupsSmoke = (world: World) =>
  stepKind({
    kind: 'groups.smoke@1',
    input: Activation,
    cancel: 'now',
    silentForMs: 30_000,
    observe: async () => 'absent',
    async run(input, { operation, signal, log }) {
      const { app, environment } = operation
      const release = await requireRelease(world, app, environment, input.release)
      const backendFor = (service: string) => backendOf(world, groupName(app, environment, service, input.activation), signal)
      // A singleton does not run beside its predecessor; its tests follow on the live route.
      const tests = release.spec.release.test.filter(test => release.spec.services[testedService(release.spec, test)]?.singleton === false)
      return { passed: await smokeTests(release.spec, tests, backendFor, { signal, log }) }
    },
    undo: 'nothing',
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
    async run(input, { operation, signal, fault, log }) {
      const { app, environment } = operation
      if (input.old !== null) await world.runtime.stop(groupName(app, environment, input.service, input.old.activation), signal)
      const stoppedAt = world.clock.monotonic()
      await fault('old-stopped')
      const group = await startGroup(world, input, app, environment, signal)
      const gapMs = input.old === null ? null : Math.round(world.clock.monotonic() - stoppedAt)
      if (gapMs !== null) log(`${input.service}: none ran for ${gapMs} ms`)
      return { group, gapMs }
    },
    async undo(input, { operation, signal }) {
      const { app, environment } = operation
      await world.runtime.remove(groupName(app, environment, input.service, input.activation), signal)
      if (input.old !== null && input.old.instances > 0) await startGroup(world, input.old, app, environment, signal)
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
    async undo(input, { operation, signal }) {
      for (const [service, instances] of Object.entries(input.services)) {
        await startGroup(world, { ...input, service, instances }, operation.app, operation.environment, signal)
      }
    },
  })

const routeHold = (world: World) =>
  stepKind({
    kind: 'route.hold@1',
    input: z.object({ drainMs: z.number(), maxWaitMs: z.number() }),
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, { operation }) {
      return await world.proxy.hold(operation.app, operation.environment, input)
    },
    async undo(_input, { operation }) {
      await world.proxy.release(operation.app, operation.environment)
    },
  })

const routeSwitch = (world: World) =>
  stepKind({
    kind: 'route.switch@1',
    input: Switch,
    cancel: 'at-end',
    silentForMs: 10_000,
    async observe(input, { operation }) {
      const table = await world.proxy.current(operation.app, operation.environment)
      if (table?.activation === input.activation && table.generation === input.expected + 1) {
        return { present: { generation: table.generation, activation: table.activation } }
      }
      return 'absent'
    },
    async run(input, { operation, signal, fault }) {
      const { app, environment } = operation
      const release = await requireRelease(world, app, environment, input.release)
      const table = await tableOf(world, release.spec, input, { app, environment, generation: input.expected + 1 }, signal)
      await fault('table-made')
      await world.proxy.commit(table, input.expected)
      return { generation: table.generation, activation: table.activation }
    },
    // It is the pivot: once it happened nothing is undone any more, and where it did not there is nothing to undo.
    undo: 'nothing',
  })

async function tableOf(
  world: World,
  spec: Spec,
  input: z.output<typeof Switch>,
  to: Pick<RouteTable, 'app' | 'environment' | 'generation'>,
  signal: AbortSignal,
): Promise<RouteTable> {
  const services = Object.entries(input.instances).filter(([, instances]) => instances > 0)
  const groups = Object.fromEntries(services.map(([service]) => [service, groupName(to.app, to.environment, service, input.activation)]))
  const routes = await Promise.all(
    spec.routes.map(async route => {
      const group = groups[route.to]
      return {
        host: route.host.toLowerCase(),
        path: route.path,
        service: route.to,
        backends: group === undefined ? [] : await world.runtime.ready(group, signal),
      }
    }),
  )
  return { format: 1, ...to, release: input.release, activation: input.activation, stores: input.stores, groups, routes }
}

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

/** After the switch a failing test does not undo what serves: the operation ends with the error, and a deploy is followed by a rollback. */
const liveTest = (world: World) =>
  stepKind({
    kind: 'live.test@1',
    input: z.object({ release: z.string(), mustPass: z.boolean() }),
    cancel: 'now',
    silentForMs: 30_000,
    observe: async () => 'absent',
    async run(input, context) {
      const { app, environment } = context.operation
      const release = await requireRelease(world, app, environment, input.release)
      const { hostname, port } = new URL(await world.proxy.address())
      const front: Backend = { kind: 'tcp', host: hostname, port: Number(port) }
      try {
        return { passed: await smokeTests(release.spec, release.spec.release.test, async () => front, context), failure: null }
      } catch (thrown) {
        const error = toFettleError(thrown)
        if (input.mustPass || error.code !== 'TEST_FAILED') throw error
        context.complain(error)
        return { passed: 0, failure: error.message }
      }
    },
    undo: 'nothing',
  })

export const serveKinds = (world: World) => [
  groupStart(world),
  groupsSmoke(world),
  singletonHandover(world),
  groupsStop(world),
  routeHold(world),
  routeSwitch(world),
  groupsRetire(world),
  liveTest(world),
]
