/** The first number of a new journal: above every operation that left a trace, so that a lost journal never leads to a name twice. */
import { operationOf } from '../core/snapshot.ts'
import { exists } from '../lib/files.ts'
import { listReleases } from '../operations/environment.ts'
import { keptEnvironments } from '../operations/kept.ts'
import { listSnapshots } from '../operations/snapshots/held.ts'
import { rememberedRepositories } from '../operations/snapshots/repository-record.ts'
import type { World } from '../operations/world.ts'

const AFTER_A_LOSS = 1000

export async function firstOperationNumber(world: World): Promise<number> {
  const hasJournal = await exists(world.layout.journal)
  const numbers = (await keptEnvironments(world.layout)).map(async ({ app, environment }) => {
    const releases = await listReleases(world, app, environment).catch(error => {
      // The journal knows the numbers; only one that was lost leaves no other word on them.
      if (hasJournal) return []
      throw error
    })
    return releases.map(({ operation }) => Number(operation.replace(/\D/g, '')))
  })
  const found = (await Promise.all([...numbers, ...(hasJournal ? [] : [numbersOfSnapshots(world)])])).flat()
  return found.length === 0 ? 1 : Math.max(...found) + AFTER_A_LOSS
}

/** A snapshot's id has its operation's in it; of what was only ever backed up nothing else tells. */
async function numbersOfSnapshots(world: World): Promise<number[]> {
  const repositories = (await rememberedRepositories(world)).map(async ({ app, environment, backups }) => {
    const named = { app, environment }
    const { held, unreadable, foreign } = await listSnapshots(world, named, backups)
    const ids = [...held.map(({ manifest }) => manifest), ...unreadable, ...foreign].map(({ id }) => id)
    return ids.map(id => Number(operationOf(id)?.slice('op'.length) ?? 0))
  })
  return (await Promise.all(repositories)).flat()
}
