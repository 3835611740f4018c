/**
 * What an environment is now, read from where the truth lies: the proxy's table says what serves, folders say which releases exist.
 */
import { access, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FettleError } from '../core/errors.ts'
import type { Release, ReleaseNotes } from '../core/release.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { readKept } from '../lib/kept-file.ts'
import { removeTree } from '../lib/remove-tree.ts'
import type { RouteTable } from '../ports/proxy.ts'
import type { World } from './world.ts'

export interface Environment {
  app: string
  environment: string
  /** Generation 0 when it never served. */
  table: RouteTable
  serving: Release | undefined
  /** Taken down: of what served last only the record is kept, which says whose the data is. Nothing can be started from it. */
  isDown: boolean
  /** Newest first. */
  releases: Release[]
}

export const emptyTable = (app: string, environment: string): RouteTable => ({
  format: 1,
  app,
  environment,
  generation: 0,
  release: '',
  activation: '',
  stores: {},
  groups: {},
  routes: [],
})

export async function readEnvironment(world: World, app: string, environment: string): Promise<Environment> {
  const table = (await world.proxy.current(app, environment)) ?? emptyTable(app, environment)
  const releases = await listReleases(world, app, environment)
  const serving = releases.find(release => release.id === table.release)
  return { app, environment, table, releases, serving, isDown: serving !== undefined && !(await hasArtifact(world, serving)) }
}

export const hasArtifact = ({ layout }: World, { app, environment, artifact }: Release): Promise<boolean> =>
  access(`${layout.artifact(app, environment, artifact.key)}.json`).then(
    () => true,
    () => false,
  )

/** Newest first. Folders without a record are half-made and not listed. */
export async function listReleases(world: World, app: string, environment: string): Promise<Release[]> {
  const folder = world.layout.releases(app, environment)
  const names = await readdir(folder).catch(emptyWhenMissing)
  const releases = await Promise.all(names.map(name => readRelease(world, app, environment, name)))
  return releases.filter(release => release !== undefined).sort((a, b) => b.number - a.number)
}

export async function readRelease(world: World, app: string, environment: string, id: string): Promise<Release | undefined> {
  const path = join(world.layout.release(app, environment, id), 'release.json')
  const hint = 'Bring it back from a copy of the home. Or move it away and deploy again: the release is forgotten then.'
  return readKept<Release>({ path, hint, what: `release ${id} of ${app}/${environment}, ${path},` })
}

/** @throws FettleError NOT_FOUND naming those that exist */
export async function requireRelease(
  world: World,
  { app, environment }: { app: string; environment: string },
  id: string,
): Promise<Release> {
  const release = await readRelease(world, app, environment, id)
  if (release !== undefined) return release
  const others = (await listReleases(world, app, environment)).map(other => other.id).join(', ')
  throw new FettleError('NOT_FOUND', `${app}/${environment} has no release ${id}`, { hint: `It has: ${others || 'none'}.` })
}

export async function writeRelease(world: World, release: Release): Promise<void> {
  const folder = world.layout.release(release.app, release.environment, release.id)
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(join(folder, 'release.json'), JSON.stringify(release, null, 2), 0o600)
}

export async function removeRelease(world: World, app: string, environment: string, id: string): Promise<void> {
  await removeTree(world.layout.release(app, environment, id))
}

const notesPath = (world: World, release: Release) => join(world.layout.release(release.app, release.environment, release.id), 'notes.json')

export async function readNotes(world: World, release: Release): Promise<ReleaseNotes> {
  const hint = `Remove it: what is lost is what was learnt about ${release.id}, such as whether it can be gone back from.`
  const kept = await readKept<ReleaseNotes & { format: number }>({ path: notesPath(world, release), hint })
  if (kept === undefined) return {}
  const { format: _, ...notes } = kept
  return notes
}

export async function addNotes(world: World, release: Release, notes: ReleaseNotes): Promise<void> {
  await writeFileAtomic(notesPath(world, release), JSON.stringify({ format: 1, ...(await readNotes(world, release)), ...notes }, null, 2))
}

function emptyWhenMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT') return []
  throw error
}
