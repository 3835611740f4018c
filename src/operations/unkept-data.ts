/** Data that a deploy would leave behind: databases in the folder of a release instead of in a store. */
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Release } from '../core/release.ts'
import type { Spec } from '../core/spec/schema.ts'
import { databasesIn, type FoundDatabase, modifiedMs } from '../lib/sqlite-files.ts'
import type { SourceLook } from '../ports/source.ts'
import type { Environment } from './environment.ts'
import { sealPath } from './steps/release.ts'
import type { World } from './world.ts'

/** For a plan, a warning each. What a release came with and never wrote to (a table of places, say) is none. */
export async function unkeptData(world: World, { serving }: Environment, spec: Spec, source: SourceLook): Promise<string[]> {
  const { folder, databases } = await databasesOf(world, serving)
  const sealedMs = await modifiedMs(sealPath(folder))
  const seen = new Set(databases.map(({ path }) => path))
  const fresh = source.databases.filter(path => !seen.has(path) && storeFor(spec, path) === undefined)
  const isSame = serving?.artifact.digest === source.digest && isDeepStrictEqual(serving.spec.build, spec.build) // then its folder stays
  const written = isSame ? [] : databases.filter(({ writtenMs }) => writtenMs > sealedMs)
  return [
    ...fresh.map(
      path =>
        `${path} in the source is a database: each release gets a copy of its own, and what is written there is gone with the next; declare it under \`stores:\``,
    ),
    ...written.map(
      ({ path }) =>
        `${path} was written by ${serving?.id} in its own folder, and the new release begins without it: ${remedy(spec, path)}; what it holds is in ${join(folder, path)}`,
    ),
  ]
}

function remedy(spec: Spec, path: string): string {
  const store = storeFor(spec, path)
  return store === undefined
    ? 'declare it under `stores:` and hand the app its path'
    : `the app must open \`\${stores.${store}.path}\` instead`
}

async function databasesOf({ layout }: World, serving: Release | undefined): Promise<{ folder: string; databases: FoundDatabase[] }> {
  if (serving === undefined) return { folder: '', databases: [] }
  const folder = layout.artifact(serving.app, serving.environment, serving.artifact.key)
  return { folder, databases: await databasesIn(folder) }
}

/** The store of that name: then a database in the source is there for development. */
const storeFor = (spec: Spec, path: string): string | undefined =>
  Object.entries(spec.stores).find(([, store]) => 'sqlite' in store && basename(store.sqlite) === basename(path))?.[0]
