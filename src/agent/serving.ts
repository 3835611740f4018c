/**
 * What the tables say is served, runs. A runtime brings its own back after a reboot; this is for what was ended with the agent, and for
 * what a dead operation had stopped or held, of which a lost journal tells no more.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { Layout } from '../core/layout.ts'
import { wantedInstances } from '../core/scale.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { readKept } from '../lib/kept-file.ts'
import { requireRelease } from '../operations/environment.ts'
import { groupOf } from '../operations/groups.ts'
import { readScale } from '../operations/scale-record.ts'
import type { World } from '../operations/world.ts'
import type { RouteTable } from '../ports/proxy.ts'
import type { GroupState } from '../ports/runtime.ts'

const Ended = z.strictObject({ format: z.literal(1), groups: z.array(z.string()) })
const endedPath = ({ agent }: Layout): string => join(agent, 'ended.json')

/** To be called before all is ended: what ran is to run again with the next agent, also where an operation is held meanwhile. */
export async function rememberEnded({ layout }: World, groups: readonly GroupState[]): Promise<void> {
  const running = groups.filter(({ instances }) => instances.some(({ state }) => state !== 'stopped' && state !== 'stopping'))
  const ended = { format: 1, groups: running.map(({ name }) => name) } satisfies z.output<typeof Ended>
  await writeFileAtomic(endedPath(layout), `${JSON.stringify(ended)}\n`, 0o600)
}

/** To be called before operations go on: they know what they stopped themselves. Where nobody knows what ran, the tables alone count. */
export async function startEnded(world: World, onError: (error: unknown) => void): Promise<void> {
  const path = endedPath(world.layout)
  const hint = 'The next `fettle agent stop --everything` writes it anew.'
  const ended = await readKept({ path, schema: Ended, hint }).catch(onError)
  if (!ended) return
  const groups = new Set(ended.groups)
  for (const table of await world.proxy.tables()) {
    const services = Object.entries(table.groups).filter(([, group]) => groups.has(group))
    for (const [service] of services) await start(world, table, service, onError).catch(onError)
  }
  await rm(path, { force: true })
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
    for (const service of Object.keys(table.groups)) await start(world, table, service, onError).catch(onError)
  }
}

async function start(
  world: World,
  { app, environment, ...table }: RouteTable,
  service: string,
  onError: (error: unknown) => void,
): Promise<void> {
  const groups = await world.runtime.groups({ app, environment })
  const present = groups.find(group => group.name === table.groups[service])
  if (present !== undefined && isWhole(present)) return
  const release = await requireRelease(world, { app, environment }, table.release)
  const instances = present?.wanted ?? wantedInstances(release, (await readScale(world, app, environment).catch(onError)) ?? {})[service]
  const group = await groupOf(world, release, service, table.activation, { stores: table.stores }, instances)
  await world.runtime.apply(group, AbortSignal.timeout(60_000))
}

const isWhole = ({ wanted, instances }: GroupState): boolean =>
  instances.length === wanted && instances.every(({ state }) => state !== 'stopped' && state !== 'stopping')
