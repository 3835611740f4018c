/** Reads of a folder what tells how its app runs, and nothing more. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type FolderSketch, TELLING_FILES } from '../core/spec/guess/draft.ts'
import { type Guess, guessSpec } from '../core/spec/guess.ts'

const MOST_ENTRIES = 2000
const MOST_BYTES = 256 * 1024
/** Others' code, and what is made: it says nothing about how this app starts. */
const SKIPPED = new Set(['node_modules', 'vendor', 'venv', '__pycache__', 'dist', 'target'])

export async function guessFile(folder: string): Promise<Guess> {
  const files = await filesIn(folder)
  const texts: FolderSketch['texts'] = {}
  for (const name of TELLING_FILES) {
    if (files.includes(name)) texts[name] = (await readFile(join(folder, name), 'utf8')).slice(0, MOST_BYTES)
  }
  return guessSpec({ name: basename(folder), files, texts })
}

/** Two levels, sorted; a folder ends in `/`. */
async function filesIn(folder: string): Promise<string[]> {
  const files: string[] = []
  for (const entry of await entriesOf(folder)) {
    files.push(entry.isDirectory() ? `${entry.name}/` : entry.name)
    if (!entry.isDirectory() || SKIPPED.has(entry.name) || entry.name.startsWith('.')) continue
    for (const inner of await entriesOf(join(folder, entry.name)))
      files.push(`${entry.name}/${inner.name}${inner.isDirectory() ? '/' : ''}`)
  }
  return files
}

async function entriesOf(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MOST_ENTRIES)
}
