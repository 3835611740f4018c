/** The first number of a new journal: above every operation that left a trace, so that a lost journal never leads to a name twice. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exists } from '../lib/files.ts'
import { listReleases } from '../operations/environment.ts'
import type { World } from '../operations/world.ts'

const AFTER_A_LOSS = 1000

export async function firstOperationNumber(world: World): Promise<number> {
  const hasJournal = await exists(world.layout.journal)
  const numbers: number[] = []
  for (const app of await folders(world.layout.apps)) {
    for (const environment of await folders(join(world.layout.apps, app))) {
      const releases = await listReleases(world, app, environment).catch(error => {
        // The journal knows the numbers; only one that was lost leaves no other word on them.
        if (hasJournal) return []
        throw error
      })
      for (const release of releases) numbers.push(Number(release.operation.replace(/\D/g, '')))
    }
  }
  return numbers.length === 0 ? 1 : Math.max(...numbers) + AFTER_A_LOSS
}

export async function folders(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory()).map(entry => entry.name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
