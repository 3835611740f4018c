/** The drivers there are, by the name under which a file, a manifest or a task asks for them. One line for each. */
import { resolve } from 'node:path'
import type { Spec } from '../core/spec/schema.ts'
import type { Repository } from '../ports/repository.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import { createDirectoryRepository, type DirectoryOptions } from './repositories/directory/index.ts'
import { secretFilesOf } from './secrets/age-file/index.ts'
import { directorySource } from './sources/directory/index.ts'
import { npmSource } from './sources/npm/index.ts'
import { filesStore } from './stores/files/index.ts'
import { sqliteStore } from './stores/sqlite/index.ts'

export const stores: ReadonlyMap<string, Store> = new Map<string, Store>([
  ['files', filesStore],
  ['sqlite', sqliteStore],
])

export const repositories: ReadonlyMap<string, (options: DirectoryOptions) => Repository> = new Map([
  ['directory', createDirectoryRepository],
])

/** Where the code of an app comes from. What is to be left out when it lies inside, and the secrets. */
export function sourceOf(spec: Spec, project: string, leaveOut: string[]): Source {
  if (typeof spec.source === 'object') return npmSource(spec.source.npm)
  const folder = resolve(project, spec.source ?? '.')
  return directorySource({ folder, exclude: [...leaveOut, ...secretFilesOf(project)], hasBuild: spec.build.length > 0 })
}
