/**
 * What the tables say is served, runs. A runtime brings its own back after a reboot; this is for what a dead operation had stopped or
 * held, of which a lost journal tells no more.
 */
import { wantedInstances } from '../core/scale.ts'
import { requireRelease } from '../operations/environment.ts'
import { groupOf } from '../operations/groups.ts'
import { readScale } from '../operations/scale-record.ts'
import type { World } from '../operations/world.ts'
import type { RouteTable } from '../ports/proxy.ts'
import type { GroupState } from '../ports/runtime.ts'

/** @param isBusy an operation is on its way there, and knows what it stopped */
export async function keepServing(
  world: World,
  isBusy: (app: string, environment: string) => boolean,
  onError: (error: unknown) => void,
): Promise<void> {
  for (const table of await world.proxy.tables()) {
    if (isBusy(table.app, table.environment)) continue
    await world.proxy.release(table.app, table.environment)
    for (const service of Object.keys(table.groups)) await start(world, table, service).catch(onError)
  }
}

async function start(world: World, { app, environment, ...table }: RouteTable, service: string): Promise<void> {
  const groups = await world.runtime.groups({ app, environment })
  const present = groups.find(group => group.name === table.groups[service])
  if (present !== undefined && isWhole(present)) return
  const release = await requireRelease(world, { app, environment }, table.release)
  const instances = present?.wanted ?? wantedInstances(release, await readScale(world, app, environment))[service]
  const group = await groupOf(world, release, service, table.activation, { stores: table.stores }, instances)
  await world.runtime.apply(group, AbortSignal.timeout(60_000))
}

const isWhole = ({ wanted, instances }: GroupState): boolean =>
  instances.length === wanted && instances.every(({ state }) => state !== 'stopped' && state !== 'stopping')
