/** Releases that were gone back from, and whether a deploy is about to try one again. */
import { diffSpecs } from '../core/diff.ts'
import type { Spec } from '../core/spec/schema.ts'
import { addNotes, type Environment, readNotes, readRelease } from './environment.ts'
import type { World } from './world.ts'

const RETURNED = 'returned: '

export const returnedNote = (why: string): string => `${RETURNED}${why}`

/** A rollback left a release: that ended badly, unless it is known already how it ended. */
export async function noteRollback(
  world: World,
  { app, environment, serving }: Environment,
  operation: string,
  left: string,
): Promise<void> {
  if (serving === undefined) return
  const release = await readRelease(world, app, environment, left)
  if (release === undefined || (await readNotes(world, release)).note !== undefined) return
  await addNotes(world, release, { note: returnedNote(`${operation} went back to ${serving.id}`) })
}

/** Said when the newest release made of the same was returned. Secrets may differ: the plan has lines of their own for them. */
export async function triedBefore(world: World, { releases }: Environment, spec: Spec, digest: string): Promise<string[]> {
  const same = releases.find(({ artifact, spec: earlier }) => artifact.digest === digest && diffSpecs(earlier, spec).length === 0)
  const { note } = same === undefined ? {} : await readNotes(world, same)
  if (same === undefined || note === undefined || !note.startsWith(RETURNED)) return []
  return [`the same source and settings as ${same.id}, which was returned: ${note.slice(RETURNED.length)}`]
}
