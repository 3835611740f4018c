/** SQLite databases that lie among the files of an app, where a deploy does not keep them. */
import type { Dirent } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** https://www.sqlite.org/fileformat.html#the_database_header */
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1')
const NAME = /\.(?:db|db3|sqlite|sqlite3)$/i
/** Filled by tools, and by the ten thousand files: none of them is the app's own data. */
const BY_TOOLS = new Set(['node_modules', 'vendor', 'venv', '.venv', '.git', '.next', '.bundle', '.cache', '__pycache__', 'target'])
/** A look at an app, not a search: a millisecond or two where folders are few, some dozen where they are too many. */
const MOST_FOLDERS = 500

/** By its name and place; what is inside is not looked at. @param path relative to the app */
export const mayBeDatabase = (path: string): boolean => NAME.test(path) && !path.split('/').some(part => BY_TOOLS.has(part))

/** False for what is not there, or can not be read. */
export async function isDatabase(path: string | Buffer): Promise<boolean> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0)
      return bytesRead === MAGIC.length && MAGIC.equals(buffer)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isOutOfReach(error)) return false
    throw error
  }
}

export interface FoundDatabase {
  /** Relative to the folder. */
  path: string
  /** By the clock of the file system, ms: also of its write-ahead log, which is written long before the file itself. */
  writtenMs: number
}

/** Those in a folder, from the top down. Of a folder that is not there, none. */
export async function databasesIn(folder: string): Promise<FoundDatabase[]> {
  const found: string[] = []
  const folders = ['']
  for (let at = 0; at < Math.min(folders.length, MOST_FOLDERS); at++) {
    const inside = folders[at] ?? ''
    for (const entry of await entriesOf(join(folder, inside))) {
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`
      if (entry.isDirectory() && !BY_TOOLS.has(entry.name)) folders.push(path)
      else if (entry.isFile() && mayBeDatabase(path)) found.push(path)
    }
  }
  const databases = await Promise.all(found.map(async path => ((await isDatabase(join(folder, path))) ? [path] : [])))
  return Promise.all(databases.flat().map(async path => ({ path, writtenMs: await lastWritten(join(folder, path)) })))
}

async function lastWritten(path: string): Promise<number> {
  const times = await Promise.all([path, `${path}-wal`].map(modifiedMs))
  return Math.max(...times)
}

/** 0 for what is not there. */
export async function modifiedMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if (isOutOfReach(error)) return 0
    throw error
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (isOutOfReach(error)) return []
    throw error
  }
}

const isOutOfReach = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')
