/** The steps on routes: held while data is exchanged, switched in the one write that decides, closed. */
import * as z from 'zod'
import { groupName } from '../../core/names.ts'
import type { Spec } from '../../core/spec/schema.ts'
import { stepKind } from '../../engine/step.ts'
import type { RouteTable } from '../../ports/proxy.ts'
import { readEnvironment, requireRelease } from '../environment.ts'
import type { World } from '../world.ts'
import { Activation } from './groups.ts'

const Switch = Activation.extend({
  expected: z.number().int(),
  instances: z.record(z.string(), z.number().int()),
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
      const release = await requireRelease(world, operation, input.release)
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

const routeClose = (world: World) =>
  stepKind({
    kind: 'route.close@1',
    input: z.object({ expected: z.number().int(), routes: z.boolean() }),
    cancel: 'at-end',
    silentForMs: 10_000,
    async observe({ expected }, { operation }) {
      const table = await world.proxy.current(operation.app, operation.environment)
      const isClosed = table?.generation === expected + 1 && Object.keys(table.groups).length === 0
      return isClosed ? { present: { generation: table.generation } } : 'absent'
    },
    async run({ expected, routes }, { operation }) {
      const { table } = await readEnvironment(world, operation.app, operation.environment)
      const closed = routes ? table.routes.map(route => ({ ...route, backends: [] })) : []
      await world.proxy.commit(
        { ...table, generation: expected + 1, activation: `closed-${operation.id}`, groups: {}, routes: closed },
        expected,
      )
      return { generation: expected + 1 }
    },
    undo: 'nothing',
  })

export const routeKinds = (world: World) => [routeHold(world), routeSwitch(world), routeClose(world)]
