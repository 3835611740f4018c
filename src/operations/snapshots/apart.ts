/** A store must not hold what fettle itself keeps: each backup would hold those before it, and a restore would move them away. */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FettleError } from '../../core/errors.ts'
import { externalPath } from '../../core/spec/derived.ts'
import type { Spec } from '../../core/spec/schema.ts'
import { isBelow } from '../../lib/moved-path.ts'
import type { World } from '../world.ts'

/** @throws FettleError REFUSED */
export async function requireApart(world: World, { stores, backups }: Pick<Spec, 'stores' | 'backups'>): Promise<void> {
  const kept = { 'the repository of its backups': world.repositoryFolder(backups), "fettle's home": world.layout.home }
  for (const [name, store] of Object.entries(stores)) {
    const path = externalPath(store)
    if (path === undefined || !('files' in store)) continue
    const folder = await whereItLeads(path)
    for (const [what, place] of Object.entries(kept)) {
      if (!isBelow(await whereItLeads(place), folder)) continue
      throw new FettleError('REFUSED', `the store ${name}, ${path}, holds ${what}, ${place}: each backup would hold all before it`, {
        hint: 'Keep them apart: name another folder under `stores:`, or another one under `backups: { repository: { directory: … } }`.',
      })
    }
  }
}

/** Also of what is not there yet. */
async function whereItLeads(path: string): Promise<string> {
  return realpath(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || dirname(path) === path) return path
    return join(await whereItLeads(dirname(path)), basename(path))
  })
}
