/**
 * What the tables say is served, runs. A runtime brings its own back after a reboot; this is for what was ended with the agent, and for
 * what a dead operation had stopped or held, of which a lost journal tells no more.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { refuseNewer } from '../core/file-format.ts'
import type { Layout } from '../core/layout.ts'
import { wantedInstances } from '../core/scale.ts'
import { readIfExists, writeFileAtomic } from '../lib/files.ts'
import { requireRelease } from '../operations/environment.ts'
import { groupOf } from '../operations/groups.ts'
import { readScale } from '../operations/scale-record.ts'
import type { World } from '../operations/world.ts'
import type { RouteTable } from '../ports/proxy.ts'
import type { GroupState } from '../ports/runtime.ts'

interface Ended {
  format: 1
  groups: string[]
}
const endedPath = ({ agent }: Layout): string => join(agent, 'ended.json')

/** To be called before all is ended: what ran is to run again with the next agent, also where an operation is held meanwhile. */
export async function rememberEnded({ layout }: World, groups: readonly GroupState[]): Promise<void> {
  const running = groups.filter(({ instances }) => instances.some(({ state }) => state !== 'stopped' && state !== 'stopping'))
  const ended = { format: 1, groups: running.map(({ name }) => name) } satisfies Ended
  await writeFileAtomic(endedPath(layout), `${JSON.stringify(ended)}\n`, 0o600)
}

/** To be called before operations go on: they know what they stopped themselves. */
export async function startEnded(world: World, onError: (error: unknown) => void): Promise<void> {
  const text = await readIfExists(endedPath(world.layout))
  if (text === undefined) return
  const ended = JSON.parse(text) as Ended
  refuseNewer(ended.format, 1, endedPath(world.layout))
  const groups = new Set(ended.groups)
  for (const table of await world.proxy.tables()) {
    const services = Object.entries(table.groups).filter(([, group]) => groups.has(group))
    for (const [service] of services) await start(world, table, service).catch(onError)
  }
  await rm(endedPath(world.layout), { force: true })
}

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
