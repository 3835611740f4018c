/** Snapshots in the repository that are sealed for another key: of another home that shares it, or of this one before its key was lost. */
import { FettleError } from '../../core/errors.ts'
import { plural } from '../../core/format.ts'
import type { Manifest } from '../../ports/repository.ts'
import type { Named } from '../kept.ts'
import type { World } from '../world.ts'
import type { Place } from './repository-record.ts'

const keysOf = (foreign: Manifest[]): string => [...new Set(foreign.flatMap(({ recipients = [] }) => recipients))].join(', ')

/** What makes them one's own. A key file may hold several keys. */
export const bringKey = ({ layout }: World, app: string): string =>
  `bring the key of the home that took them: its line AGE-SECRET-KEY-1… belongs into ${layout.key(app)} (mode 600)`

/** That there are no others, in words; undefined once this home has a snapshot of its own, or where there is none at all. */
export async function onlyForeign(world: World, { app, environment }: Named, backups: Place): Promise<string | undefined> {
  const { own, foreign } = await (await world.repository(app, backups)).list(app, environment)
  if (own.length > 0 || foreign.length === 0) return undefined
  const count = plural(foreign.length, 'snapshot')
  return `no snapshot opens here: ${world.repositoryFolder(backups)} has ${count} of ${app}/${environment} sealed for another key: ${keysOf(foreign)}`
}

/** What a plan warns of and asks that would seal the first snapshot beside them, for a key that does not open them. */
export async function foreignDoubt(world: World, named: Named, backups: Place): Promise<string | undefined> {
  const text = await onlyForeign(world, named, backups)
  return text && `${text}; first ${bringKey(world, named.app)}, or go on without them`
}

/** Nothing, where none is meant. @param wanted `newest`, `newest-proven`, or an id. @throws FettleError SECRET_LOCKED */
export async function requireOwn(world: World, { app, environment }: Named, backups: Place, wanted: string): Promise<void> {
  const { foreign } = await (await world.repository(app, backups)).list(app, environment)
  const meant = foreign.filter(({ id }) => id === wanted || wanted.startsWith('newest'))
  if (meant.length === 0) return
  const ids = meant.map(({ id }) => id).join(', ')
  throw new FettleError('SECRET_LOCKED', `${app}/${environment}: ${ids} sealed for another key: ${keysOf(meant)}`, {
    hint: `First ${bringKey(world, app)}.`,
  })
}
