/** What the agent tells about its environments, put together from the ports each time it is asked. */

import { existsSync } from 'node:fs'
import type { Answers } from '../api/contract.ts'
import type { EnvironmentStatus, ReleaseView, ServiceStatus } from '../api/views.ts'
import { toFettleError } from '../core/errors.ts'
import { groupName } from '../core/names.ts'
import type { OperationRecord } from '../core/plan.ts'
import { highestRung, isProven, standingFailure } from '../core/proof.ts'
import type { Release } from '../core/release.ts'
import type { Spec } from '../core/spec/schema.ts'
import { wantedInstances } from '../operations/activation.ts'
import { type Environment, hasArtifact, readNotes, readRelease } from '../operations/environment.ts'
import { storePaths } from '../operations/groups.ts'
import { goneRepository } from '../operations/repository-record.ts'
import { readScale } from '../operations/scale-record.ts'
import type { ProjectFile } from '../operations/target.ts'
import { readTrial } from '../operations/trial-record.ts'
import type { World } from '../operations/world.ts'
import type { RouteTable } from '../ports/proxy.ts'
import type { Manifest, Proof, Unreadable } from '../ports/repository.ts'

const TAKEN_DOWN = { state: 'stopped', why: 'taken down; its data and backups stayed' } as const

export async function environmentStatus(world: World, table: RouteTable, operations: OperationRecord[]): Promise<EnvironmentStatus> {
  const { app, environment } = table
  const serving = await readRelease(world, app, environment, table.release)
  // At once: people wait for this one most often.
  const [services, notes, counters, urls, backup] = await Promise.all([
    serviceStatuses(world, table, serving),
    serving === undefined ? undefined : readNotes(world, serving),
    world.proxy.counters(table.activation),
    routeUrls(world, table),
    serving === undefined ? undefined : backupStatus(world, table, serving.spec),
  ])
  const isDown = serving !== undefined && Object.keys(table.groups).length === 0 && !(await hasArtifact(world, serving))
  const isRunByUs = serving !== undefined && !isDown && !isExternal(serving.spec)
  const trial = operations.find(
    operation => isOf(operation, app, environment) && operation.plan.kind === 'bake' && operation.state === 'running',
  )
  const trialUntil = trial === undefined ? undefined : ((await readTrial(world, trial.id))?.until ?? trial.plan.steps[0]?.input.until)
  return {
    app,
    environment,
    ...(await stateOf(world, table, serving, { isDown, services })),
    ...(isRunByUs ? { release: table.release } : {}),
    ...(isRunByUs && notes?.servedAt !== undefined ? { deployedAt: notes.servedAt } : {}),
    ...(typeof trialUntil === 'number' ? { trialUntil } : {}),
    generation: table.generation,
    services: isDown ? [] : services,
    stores: serving === undefined ? [] : storeStatuses(world, serving.spec, table.stores),
    urls,
    ...(counters === 'unknown' || table.routes.length === 0 ? {} : { counters }),
    ...(backup === undefined ? {} : { backup }),
    ...openOperation(operations, table),
  }
}

type State = Pick<EnvironmentStatus, 'state' | 'why'>

async function stateOf(
  world: World,
  table: RouteTable,
  serving: Release | undefined,
  { isDown, services }: { isDown: boolean; services: ServiceStatus[] },
): Promise<State> {
  if (serving !== undefined && isExternal(serving.spec)) return judgeStores(world, serving.spec)
  return isDown ? TAKEN_DOWN : judge(services, table)
}

/** Of one whose release can not be read: a newer fettle may have written it. What serves, serves on, and others are shown all the same. */
export function unreadableStatus({ app, environment, generation }: RouteTable, thrown: unknown): EnvironmentStatus {
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
    ...(await judgeStores(world, spec)),
    generation: 0,
    services: [],
    stores: storeStatuses(world, spec, {}),
    urls: [],
    backup: await backupStatus(world, named, spec),
    ...openOperation(operations, named),
  }
}

/** Something else runs it. */
export const isExternal = ({ services }: Spec): boolean => Object.keys(services).length === 0

/** All that can be said of what something else runs: whether its data is where the file says. */
async function judgeStores(world: World, spec: Spec): Promise<State> {
  const gone = storeStatuses(world, spec, {}).filter(({ path }) => !existsSync(path))
  if (gone.length === 0) return { state: 'external' }
  return { state: 'down', why: gone.map(({ name, path }) => `${name} is not there: ${path}`).join(', ') }
}

const storeStatuses = (world: World, spec: Spec, folders: Record<string, string>): EnvironmentStatus['stores'] =>
  Object.entries(storePaths(world, spec, folders)).map(([name, path]) => ({
    name,
    driver: Object.keys(spec.stores[name] ?? {})[0] ?? '',
    path,
  }))

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
  const wanted = wantedInstances(serving.spec, scale)
  return Object.entries(serving.spec.services)
    .filter(([name]) => (wanted[name] ?? 1) > 0)
    .map(([name, service]) => {
      const group = groups.find(state => state.name === groupName(app, environment, name, table.activation))
      const limit = service.limits.memory
      return {
        name,
        singleton: service.singleton,
        ...(group === undefined ? {} : { group }),
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

async function routeUrls(world: World, table: RouteTable): Promise<string[]> {
  const { port, protocol } = new URL(await world.proxy.address())
  const suffix = port === '' ? '' : `:${port}`
  return table.routes.map(route => `${protocol}//${route.host === '*' ? 'localhost' : route.host}${suffix}${route.path}`)
}

type Named = Pick<Environment, 'app' | 'environment'>

interface Held {
  all: { manifest: Manifest; proofs: Proof[] }[]
  foreign: Manifest[]
  unreadable: Unreadable[]
  gone?: string
}

async function heldOf(world: World, { app, environment }: Named, spec: Spec): Promise<Held> {
  const repository = await world.repository(app, spec.backups) // not opened: looking creates nothing
  const [manifests, foreign, unreadable, gone] = await Promise.all([
    repository.list(app, environment),
    repository.foreign(app, environment),
    repository.unreadable(app, environment),
    goneRepository(world, { app, environment }, spec.backups),
  ])
  return {
    all: await Promise.all(manifests.map(async manifest => ({ manifest, proofs: await repository.proofs(manifest) }))),
    foreign,
    unreadable,
    ...(gone === undefined ? {} : { gone }),
  }
}

async function backupStatus(world: World, environment: Named, spec: Spec): Promise<NonNullable<EnvironmentStatus['backup']>> {
  const { all, foreign, unreadable, gone } = await heldOf(world, environment, spec)
  const newest = all[0]
  const failure = standingFailure(newest?.proofs ?? [])
  const proven = all.find(({ proofs }) => isProven(proofs))
  return {
    ...(newest === undefined ? {} : { newestAt: newest.manifest.takenAt, rung: highestRung(newest.proofs) }),
    ...(failure === undefined ? {} : { failed: failure.note ?? 'see `fettle snapshots`' }),
    ...(proven === undefined ? {} : { provenAt: proven.manifest.takenAt }),
    ...(foreign.length === 0 ? {} : { foreign: foreign.map(({ id }) => id) }),
    ...(unreadable.length === 0 ? {} : { unreadable: unreadable.map(({ id }) => id) }),
    ...(gone === undefined ? {} : { gone }),
  }
}

export async function snapshotViews(world: World, environment: Named, spec: Spec): Promise<Answers['snapshots']> {
  const { all, foreign: others, unreadable, gone } = await heldOf(world, environment, spec)
  const foreign = others.map(({ id, takenAt, recipients = [] }) => ({ id, takenAt, recipients }))
  const snapshots = all.map(({ manifest, proofs }) => {
    const failure = standingFailure(proofs)
    return {
      id: manifest.id,
      label: manifest.label,
      release: manifest.release,
      takenAt: manifest.takenAt,
      skewMs: manifest.skewMs,
      storedBytes: manifest.parts.flatMap(part => part.objects).reduce((sum, object) => sum + object.storedBytes, 0),
      stores: manifest.parts.map(part => ({
        name: part.store,
        driver: part.driver,
        rows: Object.values(part.fingerprint.items).reduce((sum, item) => sum + item.rows, 0),
        reused: part.reused,
      })),
      rung: highestRung(proofs),
      proofs,
      ...(failure === undefined ? {} : { failed: failure.note ?? 'its proof failed' }),
    }
  })
  return { snapshots, foreign, unreadable, ...(gone === undefined ? {} : { gone }) }
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
