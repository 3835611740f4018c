/** Keeps compiled code between starts. Not by NODE_COMPILE_CACHE: every service that an agent starts would inherit that. */
import { constants, enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** For what is loaded after this call. Beside the builds; where their owner is somebody else, in the user's cache. */
export function keepCompiledCode(): void {
  if (import.meta.filename.endsWith('.ts')) return // sources: Node keeps only what it need not strip
  const { status } = enableCompileCache(join(import.meta.dirname, '..', '.compile-cache'))
  if (status !== constants.compileCacheStatus.FAILED) return
  enableCompileCache(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fettle', 'compile-cache'))
}
