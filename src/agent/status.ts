/** What the agent tells about its environments, put together from the ports each time it is asked. */

import { existsSync } from 'node:fs'
import type { EnvironmentStatus, ReleaseView, ServiceStatus } from '../api/views.ts'
import { toFettleError } from '../core/errors.ts'
import { groupName } from '../core/names.ts'
import type { OperationRecord } from '../core/plan.ts'
import type { Release } from '../core/release.ts'
import { inForce, wantedInstances } from '../core/scale.ts'
import { externalPath, isExternal } from '../core/spec/derived.ts'
import type { Spec } from '../core/spec/schema.ts'
import { type Environment, hasArtifact, readNotes, readRelease } from '../operations/environment.ts'
import { storePaths } from '../operations/groups.ts'
import type { Named } from '../operations/kept.ts'
import { readScale } from '../operations/scale-record.ts'
import type { Place } from '../operations/snapshots/repository-record.ts'
import { type ProjectFile, projectOf, soundProject, type TargetRequest } from '../operations/target.ts'
import { readTrial } from '../operations/trial-record.ts'
import type { World } from '../operations/world.ts'
import type { RouteTable } from '../ports/proxy.ts'
import { backupStatus } from './backup-status.ts'

const TAKEN_DOWN = { state: 'stopped', why: 'taken down; its data and backups stayed' } as const

/** @param address of the proxy */
export async function environmentStatus(
  world: World,
  table: RouteTable,
  { operations, address, target }: { operations: OperationRecord[]; address: string; target: TargetRequest },
): Promise<EnvironmentStatus> {
  const { app, environment } = table
  const serving = await readRelease(world, app, environment, table.release)
  const spec = serving === undefined ? undefined : await specInForce(serving, target)
  // At once: people wait for this one most often.
  const [services, notes, counters, backup] = await Promise.all([
    serviceStatuses(world, table, serving),
    serving === undefined ? undefined : readNotes(world, serving),
    world.proxy.counters(table.activation),
    spec === undefined ? undefined : backupStatus(world, table, spec.backups),
  ])
  const isDown = serving !== undefined && Object.keys(table.groups).length === 0 && !(await hasArtifact(world, serving))
  const isElsewhere = spec !== undefined && serving !== undefined && isExternal(serving.spec)
  const isRunByUs = serving !== undefined && !isDown && !isElsewhere
  const trial = operations.find(
    operation => isOf(operation, app, environment) && operation.plan.kind === 'bake' && operation.state === 'running',
  )
  const trialUntil = trial === undefined ? undefined : ((await readTrial(world, trial.id))?.until ?? trial.plan.steps[0]?.input.until)
  return {
    app,
    environment,
    ...(isElsewhere ? judgeExternal(world, spec, table.stores) : isDown ? TAKEN_DOWN : judge(services, table)),
    ...(isRunByUs ? { release: table.release } : {}),
    ...(isRunByUs && notes?.servedAt !== undefined ? { deployedAt: notes.servedAt } : {}),
    ...(typeof trialUntil === 'number' ? { trialUntil } : {}),
    generation: table.generation,
    services: isDown ? [] : services,
    stores: spec === undefined ? [] : storeStatuses(world, spec, table.stores),
    urls: routeUrls(address, table),
    ...(counters === 'unknown' || table.routes.length === 0 ? {} : { counters }),
    ...(backup === undefined ? {} : { backup }),
    ...openOperation(operations, table),
  }
}

type State = Pick<EnvironmentStatus, 'state' | 'why'>

/** Of what something else runs the file counts as it is now, as it does for its backups. */
export async function specInForce({ spec, environment }: Release, { app, file }: TargetRequest): Promise<Spec> {
  if (!isExternal(spec) || file === undefined || app !== undefined) return spec
  return (await soundProject({ file, environment }))?.spec ?? spec
}

/** Of one whose release can not be read: a newer fettle may have written it. What serves, serves on, and others are shown all the same. */
export function unreadableStatus(
  { app, environment, generation }: Pick<RouteTable, 'app' | 'environment' | 'generation'>,
  thrown: unknown,
): EnvironmentStatus {
  const { message, hint } = toFettleError(thrown, `read ${app}/${environment}`)
  const why = hint === undefined ? message : `${message}. ${hint}`
  return { app, environment, state: 'unknown', why, generation, services: [], stores: [], urls: [] }
}

/** Of an app that something else runs: what fettle keeps for it. */
export async function externalStatus(
  world: World,
  { spec, environment }: ProjectFile,
  operations: OperationRecord[],
): Promise<EnvironmentStatus> {
  const named = { app: spec.app, environment }
  return {
    ...named,
    ...judgeExternal(world, spec, {}),
    generation: 0,
    services: [],
    stores: storeStatuses(world, spec, {}),
    urls: [],
    backup: await backupStatus(world, named, spec.backups),
    ...openOperation(operations, named),
  }
}

const NEVER_RUN = { state: 'never deployed', why: 'the file has services, and no deploy of them has come to its end' } as const

/** Of an app of which nothing is deployed, by name: as its file says, or where that is gone, what its backups tell. */
export async function keptStatus(
  world: World,
  { app, environment, backups }: Named & { backups: Place },
  operations: OperationRecord[],
): Promise<EnvironmentStatus> {
  const named = { app, environment }
  try {
    return await externalStatus(world, await projectOf(world, named), operations)
  } catch (thrown) {
    const unread = unreadableStatus({ ...named, generation: 0 }, thrown)
    return { ...unread, backup: await backupStatus(world, named, backups), ...openOperation(operations, named) }
  }
}

/** All that can be said of what something else runs: whether its data is where the file says. With services by now, nothing else runs those. */
function judgeExternal(world: World, spec: Spec, folders: Record<string, string>): State {
  if (!isExternal(spec)) return NEVER_RUN
  const gone = storeStatuses(world, spec, folders).filter(({ path }) => !existsSync(path))
  if (gone.length === 0) return { state: 'external' }
  return { state: 'down', why: gone.map(({ name, path }) => `${name} is not there: ${path}`).join(', ') }
}

/** Those that have a place: one of fettle's own gets its with a deploy. */
function storeStatuses(world: World, spec: Spec, folders: Record<string, string>): EnvironmentStatus['stores'] {
  const placed = Object.entries(spec.stores).filter(([name, store]) => externalPath(store) !== undefined || folders[name] !== undefined)
  const paths = storePaths(world, { ...spec, stores: Object.fromEntries(placed) }, folders)
  return placed.map(([name, store]) => ({ name, driver: Object.keys(store)[0] ?? '', path: paths[name] ?? '' }))
}

const isOf = ({ plan }: OperationRecord, app: string, environment: string) => plan.app === app && plan.environment === environment

/** What is under way there, or held. A trial is told of by itself. */
function openOperation(operations: OperationRecord[], { app, environment }: Named): Pick<EnvironmentStatus, 'operation'> {
  const open = operations.find(operation => isOf(operation, app, environment) && operation.plan.kind !== 'bake' && !isEnded(operation))
  return open === undefined ? {} : { operation: { id: open.id, kind: open.plan.kind, state: open.state } }
}

const isEnded = ({ state }: OperationRecord) => state === 'done' || state === 'undone'

async function serviceStatuses(world: World, table: RouteTable, serving: Release | undefined): Promise<ServiceStatus[]> {
  if (serving === undefined) return []
  const { app, environment } = table
  const [groups, scale] = await Promise.all([world.runtime.groups({ app, environment }), readScale(world, app, environment)])
  const wanted = wantedInstances(serving, scale)
  return Object.entries(serving.spec.services)
    .filter(([name]) => (wanted[name] ?? 1) > 0)
    .map(([name, service]) => {
      const group = groups.find(state => state.name === groupName(app, environment, name, table.activation))
      const limit = service.limits.memory
      const scaled = inForce(scale, serving, name)
      return {
        name,
        singleton: service.singleton,
        ...(group === undefined ? {} : { group }),
        ...(scaled === undefined ? {} : { scaled: { instances: scaled.instances, file: service.instances } }),
        memory: { ...(limit === undefined ? {} : { limitBytes: limit }), enforced: world.runtime.caps.memory },
      }
    })
}

function judge(services: ServiceStatus[], table: RouteTable): State {
  if (table.generation === 0) return { state: 'never deployed' }
  if (Object.keys(table.groups).length === 0 && services.length > 0) return { state: 'stopped' }
  const instances = services.flatMap(service => service.group?.instances.map(instance => ({ service: service.name, ...instance })) ?? [])
  const missing = services.filter(service => service.group === undefined).map(service => `${service.name} does not run`)
  const notReady = instances
    .filter(instance => instance.state !== 'ready')
    .map(
      instance =>
        `${instance.service}.${instance.index} is ${instance.state}${instance.lastExit === undefined ? '' : ` (${instance.lastExit})`}`,
    )
  const why = [...missing, ...notReady].join(', ')
  if (why === '') return { state: 'up' }
  return { state: instances.some(instance => instance.state === 'ready') ? 'degraded' : 'down', why }
}

function routeUrls(address: string, table: RouteTable): string[] {
  const { port, protocol } = new URL(address)
  const suffix = port === '' ? '' : `:${port}`
  return table.routes.map(route => `${protocol}//${route.host === '*' ? 'localhost' : route.host}${suffix}${route.path}`)
}

export async function releaseViews(world: World, { releases, table }: Environment): Promise<ReleaseView[]> {
  return Promise.all(
    releases.map(async release => {
      const [notes, isThere] = await Promise.all([readNotes(world, release), hasArtifact(world, release)])
      const serving = release.id === table.release && Object.keys(table.groups).length > 0
      return {
        id: release.id,
        createdAt: release.createdAt,
        serving,
        state: serving ? ('serving' as const) : isThere ? ('ready' as const) : ('gone' as const),
        source: release.artifact.source,
        digest: release.artifact.digest,
        reversible: release.spec.release.migrate === undefined ? ('no migration' as const) : (notes.reversible ?? ('unproven' as const)),
        ...(notes.note === undefined ? {} : { note: notes.note }),
      }
    }),
  )
}
