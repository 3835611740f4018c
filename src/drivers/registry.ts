/** The drivers there are, by the name under which a file, a manifest or a task asks for them. One line for each. */
import type { Repository } from '../ports/repository.ts'
import type { Store } from '../ports/store.ts'
import { createDirectoryRepository, type DirectoryOptions } from './repositories/directory/index.ts'
import { filesStore } from './stores/files/index.ts'
import { sqliteStore } from './stores/sqlite/index.ts'

export const stores: ReadonlyMap<string, Store> = new Map<string, Store>([
  ['files', filesStore],
  ['sqlite', sqliteStore],
])

export const repositories: ReadonlyMap<string, (options: DirectoryOptions) => Repository> = new Map([
  ['directory', createDirectoryRepository],
])
