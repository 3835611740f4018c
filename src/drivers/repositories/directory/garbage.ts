/**
 * Removal of objects that nothing refers to, safe beside other users of the repository and without a lock (a stale lock would stop
 * retention silently). Two orders make it so:
 * - Objects are listed before transactions, transactions before manifests: an object of a running backup is seen either with its
 *   transaction or with its manifest.
 * - An object is first moved aside, then the manifests are read again; a commit writes its manifest, then looks whether all its
 *   objects are there. Whichever comes second sees the other.
 */
import { rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { makeFolder, namesIn } from '../../../lib/files.ts'
import type { Manifest } from '../../../ports/repository.ts'
import { type Layout, objectNameOf } from './layout.ts'
import { readManifests } from './manifests.ts'

export function referredTo(manifests: Manifest[]): Set<string> {
  return new Set(manifests.flatMap(manifest => manifest.parts).flatMap(part => part.objects.map(object => object.name)))
}

/** @param aside called before what was moved aside is deleted @returns freed bytes. @throws DAMAGED while a manifest is unreadable */
export async function collect(layout: Layout, aside: () => Promise<void> | void = () => {}): Promise<number> {
  await settleTrash(layout)
  const files = await objectFiles(layout)
  const open = new Set<string>()
  for (const operation of await namesIn(layout.pending)) for (const name of await namesIn(join(layout.pending, operation))) open.add(name)
  const known = await referredNow(layout)
  for (const { path, name } of files) {
    if (open.has(name) || known.has(name)) continue
    await makeFolder(layout.trash, 0o700)
    await rename(path, join(layout.trash, path.slice(dirname(path).length + 1)))
  }
  await aside()
  return settleTrash(layout)
}

/** Deletes what lies aside, or puts back what a manifest refers to after all. Also finishes what a crash left. */
async function settleTrash(layout: Layout): Promise<number> {
  const files = await namesIn(layout.trash)
  if (files.length === 0) return 0
  const known = await referredNow(layout)
  let freed = 0
  for (const file of files) {
    const path = join(layout.trash, file)
    const name = objectNameOf(file)
    if (name !== undefined && known.has(name)) await rename(path, layout.object(name))
    else {
      freed += (await stat(path)).size
      await rm(path)
    }
  }
  return freed
}

/** Names that any readable manifest refers to; refuses when one is unreadable, because its objects would look like garbage. */
export async function referredNow(layout: Layout): Promise<Set<string>> {
  const { manifests, unreadable } = await readManifests(layout)
  const [first] = unreadable
  if (first !== undefined)
    throw new FettleError('DAMAGED', `nothing is removed while a manifest is unreadable: ${first.reason}`, {
      context: { unreadable },
      hint: `Repair it, or move it out of ${layout.snapshots} to give up its snapshot.`,
    })
  return referredTo(manifests)
}

async function objectFiles(layout: Layout): Promise<{ path: string; name: string }[]> {
  const files: { path: string; name: string }[] = []
  for (const group of await namesIn(layout.objects))
    for (const file of await namesIn(join(layout.objects, group))) {
      const name = objectNameOf(file)
      if (name !== undefined) files.push({ path: join(layout.objects, group, file), name })
    }
  return files
}
