/** The first number of a new journal: above every operation that left a trace, so that a lost journal never leads to a name twice. */
import { exists } from '../lib/files.ts'
import { listReleases } from '../operations/environment.ts'
import { keptEnvironments } from '../operations/kept.ts'
import type { World } from '../operations/world.ts'

const AFTER_A_LOSS = 1000

export async function firstOperationNumber(world: World): Promise<number> {
  const hasJournal = await exists(world.layout.journal)
  const numbers: number[] = []
  for (const { app, environment } of await keptEnvironments(world.layout)) {
    const releases = await listReleases(world, app, environment).catch(error => {
      // The journal knows the numbers; only one that was lost leaves no other word on them.
      if (hasJournal) return []
      throw error
    })
    for (const release of releases) numbers.push(Number(release.operation.replace(/\D/g, '')))
  }
  return numbers.length === 0 ? 1 : Math.max(...numbers) + AFTER_A_LOSS
}
