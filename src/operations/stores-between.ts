/**
 * Stores that come and go between releases. Their folders stay in the environment's table, also of those that what serves names no
 * more: a rollback finds them again, and so does a file that names them anew.
 */
import { FettleError } from '../core/errors.ts'
import type { Release } from '../core/release.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Environment } from './environment.ts'
import { storeOf } from './groups.ts'
import { isManaged } from './snapshots/steps.ts'
import type { World } from './world.ts'

/**
 * What a deploy of `next` begins with backing up: what serves, with the stores that it lacks and the next release has again, which are
 * rehearsed with the others; kept where and as the next file says, for there its copy is looked for.
 */
export function specToKeep(environment: Environment, next: Spec): Spec | undefined {
  const { serving, table } = environment
  if (serving === undefined) return undefined
  const returning = Object.entries(next.stores).filter(
    ([name, store]) => serving.spec.stores[name] === undefined && table.stores[name] !== undefined && isManaged(store),
  )
  return { ...serving.spec, backups: next.backups, stores: { ...serving.spec.stores, ...Object.fromEntries(returning) } }
}

/** What a deploy means for the data of stores that leave or come back. */
export function storeWarnings(environment: Environment, next: Spec): string[] {
  const { serving, table } = environment
  const now = serving?.spec.stores ?? {}
  return Object.entries(table.stores).flatMap(([name, folder]): string[] => {
    if (now[name] !== undefined && next.stores[name] === undefined)
      return [`the data of ${name} stays in ${folder}, and is backed up no more`]
    if (now[name] === undefined && next.stores[name] !== undefined)
      return [`${name} was there before: it has its data of then again, from ${folder}`]
    return []
  })
}

/** A name stands for one place. @throws FettleError REFUSED where the data of a store would not be found in the new one */
export function requireSamePlaces(world: World, { serving, releases, table }: Environment, next: Spec): void {
  const earlier = [...(serving === undefined ? [] : [serving]), ...releases]
  for (const [name, store] of Object.entries(next.stores)) {
    const before = earlier.find(({ spec }) => spec.stores[name] !== undefined)?.spec.stores[name]
    if (before === undefined || table.stores[name] === undefined || !isManaged(store) || placeOf(world, before) === placeOf(world, store))
      continue
    throw new FettleError(
      'REFUSED',
      `the store ${name} was { ${placeOf(world, before)} } and would be { ${placeOf(world, store)} }: there its data is not`,
      {
        hint: `Give the new store another name, or leave ${name} as it was.`,
      },
    )
  }
}

/** The driver and where below a folder of its own the data lies. */
function placeOf(world: World, store: Spec['stores'][string]): string {
  const [driver = ''] = Object.keys(store)
  const { driver: found, config } = storeOf(world, store)
  return `${driver}: ${found.path('/', config).slice(1) || '.'}`
}

/** The folders of a release that is returned to. @throws FettleError NOT_FOUND for a store whose folder is not known */
export function requireFolders(environment: Environment, { id, spec }: Release): Record<string, string> {
  for (const [name, store] of Object.entries(spec.stores)) {
    if (!isManaged(store) || environment.table.stores[name] !== undefined) continue
    throw new FettleError('NOT_FOUND', `${id} has a store ${name}, of which ${environment.app}/${environment.environment} has no data`, {
      hint: 'Deploy that version of the source again: a deploy makes the stores that are new.',
    })
  }
  return environment.table.stores
}
