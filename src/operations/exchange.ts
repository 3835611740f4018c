/**
 * Live data exchanged for that of a snapshot: loaded beside and compared, then, while requests wait and nobody writes, put in its place
 * by the same write that switches the routes. Shared by restore and rollback. Builds steps.
 */
import type { PlannedStep } from '../core/plan.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Manifest } from '../ports/repository.ts'
import { handoverSteps, holdStep, inTurn, type Name, type Next, settleSteps, startSteps, switchStep } from './activation.ts'
import type { Environment } from './environment.ts'
import { loadStep, snapshotSteps, storeConfigs } from './snapshots/steps.ts'
import { specToKeep } from './stores-between.ts'
import type { World } from './world.ts'

export interface Exchange {
  manifest: Manifest
  /** The stores that go back. */
  names: string[]
}

/** The steps of an activation whose data comes from a snapshot. `next.stores` is replaced by the new generations. */
export function exchangeSteps(world: World, environment: Environment, next: Next, { manifest, names }: Exchange): PlannedStep[] {
  const folders = freshFolders(world, environment, names)
  const moved: Next = { ...next, stores: { ...environment.table.stores, ...folders } }
  const title = `load ${names.join(', ')} beside what is live and compare`
  const handover = (after: string[]) => handoverSteps(environment, moved, after)
  const isHeld = handover([]).some(step => step.id === 'hold')
  return inTurn(
    after => [loadStep(next.spec, names, { id: 'load', snapshot: manifest.id, folders, after, title })],
    after => startSteps(moved, after),
    handover,
    after => holdSteps(environment, next, after, { isHeld }),
    after => lossSteps(environment, next.spec, manifest, names, after),
    after => [switchStep(environment, moved, after)],
    () => settleSteps(environment, moved),
  )
}

/**
 * A migration that the old release can not live with: while requests wait, the data is copied and the copy migrated. The old data stays
 * as it is, so that everything can be undone until the switch.
 */
export function offlineMigrationSteps(
  world: World,
  environment: Environment,
  next: Next,
  after: string[],
): { steps: PlannedStep[]; stores: Next['stores'] } {
  const served = environment.serving?.spec.stores ?? {}
  const names = Object.keys(environment.table.stores).filter(name => next.spec.stores[name] !== undefined && served[name] !== undefined)
  const folders = freshFolders(world, environment, names)
  const stores = { ...next.stores, ...folders }
  const kept = specToKeep(environment, next.spec)
  const snapshot = { $from: 'final-commit', path: 'snapshot' }
  const steps = inTurn(
    () => holdSteps(environment, next, after, { singletons: true }),
    after => snapshotSteps(environment, { id: 'final-', label: `last of ${environment.table.release}`, after, spec: kept }),
    after => [loadStep(next.spec, names, { id: 'final-load', snapshot, folders, after, title: 'copy the data and compare' })],
    after => [
      {
        id: 'migrate',
        kind: 'data.migrate@1',
        title: 'migrate the copy, which becomes the live data',
        input: { release: next.release, stores: stores as never, serving: null },
        after,
      },
    ],
  )
  return { steps, stores }
}

function freshFolders(world: World, { app, environment }: Environment, names: string[]): Record<string, Name> {
  return Object.fromEntries(names.map(store => [store, { $op: `${world.layout.liveStore(app, environment, store)}/` }]))
}

/** While the data is exchanged nobody may write to what will be gone: requests wait, the old instances are stopped. */
function holdSteps(environment: Environment, next: Next, after: string[], { isHeld = false, singletons = false }): PlannedStep[] {
  const { table, serving } = environment
  const services = Object.fromEntries(
    Object.keys(table.groups)
      .filter(name => singletons || serving?.spec.services[name]?.singleton === false)
      .map(name => [name, next.instancesNow[name] ?? 1]),
  )
  if (Object.keys(services).length === 0) return []
  const stop: PlannedStep = {
    id: 'stop-old',
    kind: 'groups.stop@1',
    title: `stop ${table.release}`,
    input: { release: table.release, activation: table.activation, stores: table.stores, services },
    after: isHeld ? after : ['hold'],
  }
  return isHeld ? [stop] : [holdStep(environment, after), stop]
}

/** The exact figure, once nobody writes any more. */
function lossSteps({ table }: Environment, spec: Spec, manifest: Manifest, names: string[], after: string[]): PlannedStep[] {
  const folders = Object.fromEntries(names.flatMap(name => (table.stores[name] === undefined ? [] : [[name, table.stores[name]]])))
  if (Object.keys(folders).length === 0) return []
  const input = { snapshot: manifest.id, configs: storeConfigs(spec, Object.keys(folders)), folders, backups: spec.backups as never }
  return [{ id: 'loss', kind: 'loss.count@1', title: 'count what is replaced', input, after }]
}
