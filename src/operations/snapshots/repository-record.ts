/**
 * Which repository the snapshots of an environment go to, remembered in the home: where its disk is not mounted lies an empty folder, and
 * what was there before is not to be taken for never backed up.
 */
import { join } from 'node:path'
import * as z from 'zod'
import { FettleError } from '../../core/errors.ts'
import type { Spec } from '../../core/spec/schema.ts'
import { writeFileAtomic } from '../../lib/files.ts'
import { readKept } from '../../lib/kept-file.ts'
import type { Repository } from '../../ports/repository.ts'
import { keptEnvironments, type Named } from '../kept.ts'
import type { World } from '../world.ts'

/** The part of a file that says where its snapshots go. */
export type Place = Pick<Spec['backups'], 'repository'>

/** `until`: wall clock, ms; no snapshot in it is newer. */
const Former = z.object({ folder: z.string(), until: z.number() })
type Former = z.output<typeof Former>
/** Of the one that they went to last. */
const LAST = Number.POSITIVE_INFINITY

const RepositoryRecord = z.object({
  format: z.literal(1),
  /** Of the repository itself. */
  id: z.string(),
  folder: z.string(),
  /** Where they went before, and stay. */
  former: z.array(Former).optional(),
  /** The fettle.yaml that said so last: where nothing is deployed, nothing else tells whose data it is. */
  file: z.string().optional(),
})
type RepositoryRecord = z.output<typeof RepositoryRecord>

const path = ({ layout }: World, { app, environment }: Named) => join(layout.environment(app, environment), 'repository.json')

export async function readRepositoryRecord(world: World, named: Named): Promise<RepositoryRecord | undefined> {
  const hint = 'Remove it: the next backup writes it anew, for the repository that fettle.yaml names.'
  return readKept({ path: path(world, named), schema: RepositoryRecord, hint })
}

/** To be called once it is open. @param said the file that says so */
export async function rememberRepository(
  world: World,
  named: Named,
  { backups, file: said }: { backups: Place; file?: string | undefined },
  repository: Repository,
): Promise<void> {
  const folder = world.repositoryFolder(backups)
  const before = await readRepositoryRecord(world, named)
  const id = await repository.id()
  const file = said ?? before?.file
  if (id === undefined || (before?.id === id && before.folder === folder && before.file === file)) return
  const former = await formerOf(world, named, backups)
  const left = former.map(one => ({ ...one, until: Math.min(one.until, world.clock.now()) }))
  const record: RepositoryRecord = {
    format: 1,
    id,
    folder,
    ...(left.length === 0 ? {} : { former: left }),
    ...(file === undefined ? {} : { file }),
  }
  await writeFileAtomic(path(world, named), JSON.stringify(record))
}

/** Other folders than the one that is meant. A repository that was moved as it is left nothing behind. */
async function formerOf(world: World, named: Named, backups: Place): Promise<Former[]> {
  const record = await readRepositoryRecord(world, named)
  if (record === undefined) return []
  const isTheSame = (await (await world.repository(named.app, backups)).id()) === record.id
  const last = isTheSame ? [] : [{ folder: record.folder, until: LAST }]
  const folder = world.repositoryFolder(backups)
  return [...last, ...(record.former ?? [])].filter(other => other.folder !== folder)
}

const placeAt = (directory: string): Place => ({ repository: { directory } })

/** Where snapshots of the environment lie: first where they go, then where they went before. */
export async function placesOf(world: World, named: Named, backups: Place): Promise<Place[]> {
  const former = await formerOf(world, named, backups)
  return [{ repository: backups.repository }, ...former.map(({ folder }) => placeAt(folder))]
}

/** `gone`: not where it was, and nothing of the environment is there. `moved`: the file names another folder than before. */
type Strange = { gone: string } | { moved: string }

/** What is strange about the repository, in words; undefined when it is the remembered one, none is, or where that was are snapshots all the same. */
async function strangeRepository(world: World, named: Named, backups: Place): Promise<Strange | undefined> {
  const record = await readRepositoryRecord(world, named)
  if (record === undefined) return undefined
  const { app, environment } = named
  const repository = await world.repository(app, backups)
  const id = await repository.id()
  if (id === record.id) return undefined
  const folder = world.repositoryFolder(backups)
  const gone = `the repository that the snapshots of ${app}/${environment} went to is not at ${folder}: is its disk mounted?`
  // It was there when snapshots went there before.
  if (id === undefined && record.former?.some(former => former.folder === folder)) return { gone }
  if (folder !== record.folder) return { moved: `snapshots go to ${folder} from now on; those in ${record.folder} stay there` }
  const { own, unreadable } = await repository.list(app, environment)
  return own.length + unreadable.length > 0 ? undefined : { gone }
}

export const NEW_REPOSITORY = '`fettle backup --new-repository` makes a new one there, where it is gone for good.'

/** That it is gone, in words. */
export async function goneRepository(world: World, named: Named, backups: Place): Promise<string | undefined> {
  const strange = await strangeRepository(world, named, backups)
  return strange !== undefined && 'gone' in strange ? strange.gone : undefined
}

/** The same of every place in which a snapshot may lie that is as new. What is asked with need not name the one that they went to last. */
export async function goneAmong(world: World, named: Named, backups: Place, takenAt: number): Promise<string | undefined> {
  const former = (await formerOf(world, named, backups)).filter(({ until }) => until >= takenAt)
  const places = [backups, ...former.map(({ folder }) => placeAt(folder))]
  return (await Promise.all(places.map(place => goneRepository(world, named, place)))).find(text => text !== undefined)
}

/** Folders that snapshots went to before and that are not there, in words: those in them are not listed. */
export async function absentFormer(world: World, named: Named, backups: Place): Promise<string[]> {
  const former = (await formerOf(world, named, backups)).filter(({ until }) => until !== LAST)
  const folders = former.map(async ({ folder }) => ({ folder, id: await (await world.repository(named.app, placeAt(folder))).id() }))
  const absent = (await Promise.all(folders)).filter(({ id }) => id === undefined)
  return absent.map(
    ({ folder }) => `${folder}, where snapshots of ${named.app}/${named.environment} went before, is not there: is its disk mounted?`,
  )
}

/** What a plan should say of where the snapshots go from now on. */
export async function movedRepository(world: World, named: Named, backups: Place): Promise<string | undefined> {
  const strange = await strangeRepository(world, named, backups)
  return strange !== undefined && 'moved' in strange ? strange.moved : undefined
}

/** @returns what a plan should say of where the snapshots go. @throws FettleError REFUSED when the repository is gone */
export async function requireRepository(world: World, named: Named, backups: Place): Promise<string | undefined> {
  const strange = await strangeRepository(world, named, backups)
  if (strange === undefined) return undefined
  if ('moved' in strange) return strange.moved
  throw new FettleError('REFUSED', strange.gone, { hint: `Mount it and try again; ${NEW_REPOSITORY}` })
}

/** The environments of this home that have snapshots somewhere. */
export async function rememberedRepositories(world: World): Promise<(Named & { backups: Place })[]> {
  const kept = await keptEnvironments(world.layout)
  const found = await Promise.all(kept.map(async one => ({ ...one, record: await readRepositoryRecord(world, one) })))
  return found.flatMap(({ record, ...one }) =>
    record === undefined ? [] : [{ ...one, backups: { repository: { directory: record.folder } } }],
  )
}
