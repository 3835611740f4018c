/** Removes what fettle itself made and no longer needs, and nothing else. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { FettleError } from '../../core/errors.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import { removeTree } from '../../lib/remove-tree.ts'
import { addNotes, readEnvironment, removeRelease } from '../environment.ts'
import { noteRollback } from '../returned.ts'
import type { World } from '../world.ts'

const list = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })

/** Releases beyond the newest `keep`, and what a crash left of one that was being removed; the one that serves always stays. */
async function collectReleases(world: World, app: string, environment: string, keep: number): Promise<string[]> {
  const { releases, table } = await readEnvironment(world, app, environment)
  const doomed = releases.slice(Math.max(keep, 1)).filter(release => release.id !== table.release)
  const known = new Set(releases.map(release => release.id))
  const halves = (await list(world.layout.releases(app, environment))).filter(name => !known.has(name))
  const names = [...doomed.map(release => release.id), ...halves]
  for (const name of names) await removeRelease(world, app, environment, name)
  return names
}

/** Artifacts that no release names. */
async function collectArtifacts(world: World, app: string, environment: string): Promise<string[]> {
  const { releases } = await readEnvironment(world, app, environment)
  const named = new Set(releases.map(release => release.artifact.key))
  const folder = world.layout.artifacts(app, environment)
  const doomed = (await list(folder)).filter(name => !named.has(name.replace(/\.json$/, '')))
  for (const name of doomed) await removeTree(join(folder, name))
  return doomed
}

/** Generations of live data that are not served, but for the one replaced last: what a restore took away can be had back. */
async function collectLiveData(world: World, { operation: { app, environment }, tell }: StepContext): Promise<string[]> {
  const { table, serving } = await readEnvironment(world, app, environment)
  const removed: string[] = []
  for (const store of Object.keys(serving?.spec.stores ?? {})) {
    const folder = world.layout.liveStore(app, environment, store)
    const current = table.stores[store]
    if (current === undefined) continue
    const others = (await list(folder)).filter(name => join(folder, name) !== current).sort(byOperation)
    for (const path of others.slice(0, -1).map(name => join(folder, name))) {
      const failure = await removeTree(path).then(() => undefined, whenMounted)
      if (failure === undefined) removed.push(path)
      else tell(`left for the next time: ${failure.message}`)
    }
  }
  return removed
}

/** Data that went out of use can wait for whoever mounted something in it. */
function whenMounted(error: unknown): FettleError {
  if (error instanceof FettleError && error.code === 'CONFLICT') return error
  throw error
}

const byOperation = (a: string, b: string): number => Number(a.replace(/\D/g, '')) - Number(b.replace(/\D/g, ''))

const environmentCollect = (world: World) =>
  stepKind({
    kind: 'environment.collect@1',
    input: z.object({
      keep: z.number().int(),
      /** The release that a rollback went back from. */
      left: z.string().optional(),
    }),
    cancel: 'at-end',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run({ keep, left }, context) {
      const { operation, fault } = context
      const { app, environment } = operation
      const now = await readEnvironment(world, app, environment)
      // Of what is returned to it is no longer true how it ended.
      const returnedTo = operation.kind === 'rollback' ? { note: undefined } : {}
      if (now.serving !== undefined) await addNotes(world, now.serving, { servedAt: world.clock.now(), ...returnedTo })
      if (left !== undefined) await noteRollback(world, now, operation.id, left)
      const releases = await collectReleases(world, app, environment, keep)
      await fault('releases')
      const artifacts = await collectArtifacts(world, app, environment)
      const data = await collectLiveData(world, context)
      return { releases, artifacts, data }
    },
    undo: 'nothing',
  })

export const collectKinds = (world: World) => [environmentCollect(world)]
