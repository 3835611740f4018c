/** Where the programs are that fettle starts as processes of their own: bundled in dist/, or as source in src/. */
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type ProgramName = 'agent' | 'front' | 'worker' | 'sealer' | 'relay'

/** Absolute path for `process.execPath <path>`. A bundler may put this code into a chunk beside the programs or one folder below. */
export function programPath(name: ProgramName, from: string = import.meta.url): string {
  const here = dirname(fileURLToPath(from))
  if (from.endsWith('.ts')) return join(here, '..', `${name}.ts`)
  const beside = join(here, `${name}.js`)
  return existsSync(beside) ? beside : join(here, '..', `${name}.js`)
}

/** Names the build that this code is part of, by its folder; `source` where nothing is built. Two of one version may differ. */
export const ownBuild = (from: string = import.meta.url): string =>
  from.endsWith('.ts') ? 'source' : basename(dirname(programPath('agent', from)))
