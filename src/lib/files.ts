/** Files that are either wholly there or not at all, also after a power cut. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { access, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FettleError } from '../core/errors.ts'

/** Makes the entries of a folder durable. */
export async function fsyncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * A folder with those above it. Idempotent. Not by Node's own recursive form: below `/proc`, where none can be made, that goes on for ever,
 * and on a read-only file system it does not say why it fails.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  const make = () =>
    mkdir(path, { mode }).catch(async error => {
      if (error.code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
    })
  await make().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolder(dirname(path), mode)
    await make()
  })
}

/**
 * Writes to a temporary name beside, fsyncs, renames, fsyncs the folder. Leaves nothing behind when it fails.
 * `beforeRename` is where a crash test stops it: written, not yet visible.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  mode = 0o644,
  beforeRename?: () => Promise<void> | void,
): Promise<void> {
  // A private file makes its folder a private one.
  await makeFolder(dirname(path), (mode & 0o077) === 0 ? 0o700 : 0o777)
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    await beforeRename?.()
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw naming(path, error)
  }
  await fsyncFolder(dirname(path))
}

/** What fails on an open file does not say on which. */
function naming(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || 'path' in error || !('syscall' in error)) return error
  error.message += ` '${path}'`
  return Object.assign(error, { path })
}

/** Whether `writeFileAtomic` leaves a file of this name when its process is killed. */
export const isHalfWritten = (name: string): boolean => /\.[0-9a-f]{8}\.tmp$/.test(name)

/** Whether something of that name can be seen; a link that leads nowhere is not there. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Names of the folders in a folder, none when there is no such folder. */
export async function foldersIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path, { withFileTypes: true })).filter(entry => entry.isDirectory()).map(entry => entry.name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Names in a folder, none when there is no such folder. */
export async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Removes what killed writers of this path left behind. To be called where no other can be writing it: under its lock. */
export async function removeTemporaries(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)]
  for (const entry of await namesIn(folder)) {
    if (entry.startsWith(`${name}.`) && /^[0-9a-f]{8}\.tmp$/.test(entry.slice(name.length + 1)))
      await rm(join(folder, entry), { force: true })
  }
}

/** The file's text. @throws FettleError DAMAGED when a folder lies there, of which the system does not say the path */
export async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(error => {
    throw notAFile(path, error)
  })
}

/** The same, or undefined when there is none. @throws FettleError DAMAGED */
export function readIfExists(path: string): Promise<string | undefined> {
  return readText(path).catch(undefinedWhenMissing)
}

/**
 * The same at once: for small files of the home, read many times. A thread of the pool costs ten times as much as the read.
 * @throws FettleError DAMAGED
 */
export function readNow(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return undefinedWhenMissing(notAFile(path, error))
  }
}

function undefinedWhenMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}

function notAFile(path: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'EISDIR') return error
  return new FettleError('DAMAGED', `${path} is a folder, and a file belongs there`, {
    cause: error,
    hint: 'Move it away, and bring the file back.',
  })
}
