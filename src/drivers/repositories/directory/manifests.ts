/** Manifests: `snapshots/<app>/<environment>/<id>.json`, readable by people, with a checksum over the rest of the file. */
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'
import { FettleError } from '../../../core/errors.ts'
import { refuseNewer } from '../../../core/file-format.ts'
import type { Json } from '../../../core/json.ts'
import { Manifest, type SnapshotName } from '../../../core/snapshot.ts'
import { exists, fsyncFolder, isHalfWritten, namesIn, readIfExists, writeFileAtomic } from '../../../lib/files.ts'
import type { Unreadable } from '../../../ports/repository.ts'
import { checksumOf } from './checksum.ts'
import { type Layout, PROOFS, proofsOf, SUFFIX, safe } from './layout.ts'

const Stored = z.object({ manifest: Manifest, checksum: z.string() })

export interface Found {
  manifests: Manifest[]
  unreadable: Unreadable[]
}

export function manifestPath(layout: Layout, { app, environment, id }: SnapshotName): string {
  return join(layout.environment(app, environment), safe(id, 'id') + SUFFIX)
}

/** Temporary name, fsync, rename: the pivot. */
export async function writeManifest(layout: Layout, manifest: Manifest, beforeRename: () => Promise<void> | void): Promise<void> {
  const text = JSON.stringify({ manifest, checksum: checksumOf(manifest as Json) }, undefined, 2)
  const path = manifestPath(layout, manifest)
  await removeHalfWritten(path)
  await writeFileAtomic(path, `${text}\n`, 0o600, beforeRename)
}

/** @throws DAMAGED, VERSION */
export function parseManifest(text: string, path: string): Manifest {
  const damaged = (reason: string) => new FettleError('DAMAGED', `the manifest ${path} ${reason}`, { context: { path } })
  let json: { manifest?: { format?: unknown } } | null
  try {
    json = JSON.parse(text)
  } catch {
    throw damaged('is no JSON')
  }
  refuseNewer(json?.manifest?.format, 1, `the manifest ${path}`)
  const parsed = Stored.safeParse(json)
  if (!parsed.success) throw damaged(`lacks what a manifest has: ${z.prettifyError(parsed.error)}`)
  // Over what the file holds, not what the schema kept of it: an added key is a change too.
  if (checksumOf((json as { manifest: Json }).manifest) !== parsed.data.checksum) throw damaged('was changed after it was written')
  return parsed.data.manifest
}

/** Every manifest below a folder, newest first. */
export async function readManifests(layout: Layout, app?: string, environment?: string): Promise<Found> {
  const found: Found = { manifests: [], unreadable: [] }
  for (const path of await manifestPaths(layout, app, environment)) {
    const text = await readIfExists(path)
    if (text === undefined) continue // Forgotten by somebody else since the folder was listed.
    try {
      found.manifests.push(parseManifest(text, path))
    } catch (error) {
      found.unreadable.push({ id: basename(path, SUFFIX), path, reason: (error as Error).message })
    }
  }
  found.manifests.sort((a, b) => b.takenAt - a.takenAt || (a.id < b.id ? 1 : -1))
  return found
}

/** Path of a manifest that is there. @throws NOT_FOUND */
export async function requireManifest(layout: Layout, name: SnapshotName): Promise<string> {
  const path = manifestPath(layout, name)
  if (await exists(path)) return path
  throw new FettleError('NOT_FOUND', `${name.app}/${name.environment} has no snapshot ${name.id} in ${layout.folder}`, {
    hint: '`fettle snapshots` lists what there is.',
  })
}

/** What a crash left of the same write; of others it is not known whether they still go on. */
async function removeHalfWritten(path: string): Promise<void> {
  const folder = dirname(path)
  const halves = (await namesIn(folder)).filter(name => name.startsWith(`${basename(path)}.`) && isHalfWritten(name))
  for (const name of halves) await rm(join(folder, name), { force: true })
}

/** Proofs whose manifest is gone: a crash came between the two removals. */
export async function removeOrphanedProofs(layout: Layout): Promise<void> {
  for (const app of await namesIn(layout.snapshots))
    for (const environment of await namesIn(join(layout.snapshots, app))) {
      const folder = layout.environment(app, environment)
      const names = await namesIn(folder)
      const orphans = names.filter(name => name.endsWith(PROOFS) && !names.includes(name.slice(0, -PROOFS.length) + SUFFIX))
      for (const name of orphans) await rm(join(folder, name), { force: true })
    }
}

/** The manifest first: without it the snapshot is gone, whatever happens next. */
export async function removeManifest(layout: Layout, manifest: Manifest): Promise<void> {
  const path = manifestPath(layout, manifest)
  await rm(path, { force: true })
  await rm(proofsOf(path), { force: true })
  await fsyncFolder(layout.environment(manifest.app, manifest.environment))
}

async function manifestPaths(layout: Layout, app?: string, environment?: string): Promise<string[]> {
  const paths: string[] = []
  for (const a of app === undefined ? await namesIn(layout.snapshots) : [app])
    for (const e of environment === undefined ? await namesIn(join(layout.snapshots, a)) : [environment])
      for (const name of await namesIn(layout.environment(a, e)))
        if (name.endsWith(SUFFIX)) paths.push(join(layout.environment(a, e), name))
  return paths
}
