/** The folder of the named pipes of one `fettle run`. */
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { removeTree } from './remove-tree.ts'

const PREFIX = 'fettle-pipes-'

export const makePipesFolder = (): Promise<string> => mkdtemp(join(tmpdir(), PREFIX))

/** Of these pipes. Others than those that were made here stay: they are whoever's made them. */
export async function removePipesFolders(pipes: Iterable<string>): Promise<void> {
  const folders = new Set(Array.from(pipes, pipe => dirname(pipe)).filter(folder => basename(folder).startsWith(PREFIX)))
  for (const folder of folders) await removeTree(folder)
}
