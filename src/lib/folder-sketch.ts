/** What `fettle init` may see of a folder: names of two levels, and the beginnings of a few telling files. */
import { constants, type Dirent } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { deeperFiles, type FolderSketch, tellingFiles } from '../core/spec/guess/draft.ts'

const UNTOLD = new Set(['node_modules', '.git', '.venv', 'vendor'])
const MOST_NAMES = 5000
const MOST_BYTES = 256 * 1024

/** @param folder absolute path; errors of the system pass */
export async function sketchFolder(folder: string): Promise<FolderSketch> {
  const files: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    files.push(entry.isDirectory() ? `${entry.name}/` : entry.name)
    if (!entry.isDirectory() || UNTOLD.has(entry.name)) continue
    for (const inner of await entriesOf(join(folder, entry.name)))
      if (files.length < MOST_NAMES) files.push(`${entry.name}/${inner.name}${inner.isDirectory() ? '/' : ''}`)
  }
  files.sort()
  const texts = await textsOf(folder, tellingFiles(files))
  const deeper = await textsOf(folder, deeperFiles({ files, texts }), { isCertain: false })
  return { name: basename(folder), files, texts: { ...texts, ...deeper }, nodeVersion: process.versions.node }
}

async function textsOf(folder: string, names: string[], { isCertain } = { isCertain: true }): Promise<Record<string, string>> {
  const texts = await Promise.all(
    names.map(async name => {
      const text = await beginningOf(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (isCertain || error.code !== 'ENOENT') throw error
      })
      return text === undefined ? [] : [[name, text] as const]
    }),
  )
  return Object.fromEntries(texts.flat())
}

/** A folder of another user (data of a database, say) tells nothing and hinders nothing. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return []
    throw error
  }
}

/** Undefined for what is no regular file: a pipe would be waited for. */
async function beginningOf(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) return undefined
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0)
    return buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '')
  } finally {
    await file.close()
  }
}
