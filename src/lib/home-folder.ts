/** The folder that everything of fettle lives in, made where it is missing. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FettleError, toFettleError } from '../core/errors.ts'

/**
 * Idempotent. Folder by folder: Node's recursive form never ends in /proc, where none can be made.
 * @throws FettleError USAGE where no folder can be; READ_ONLY, DISK_FULL
 */
export async function makeHome(home: string): Promise<void> {
  const missing: string[] = []
  for (let folder = home; !(await isFolder(folder, home)); folder = dirname(folder)) missing.unshift(folder)
  for (const folder of missing) await makeOne(folder, home)
}

/** @returns false where nothing is */
async function isFolder(path: string, home: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (!(found instanceof Error)) {
    if (found.isDirectory()) return true
    throw unusable(home, `${path} is no folder`)
  }
  if (found.code === 'ENOENT' || found.code === 'ENOTDIR') return false
  throw toFettleError(found, `looking at the home ${home}`)
}

async function makeOne(folder: string, home: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return // somebody else was first
    throw code === 'ENOENT'
      ? unusable(home, `no folder can be made in ${dirname(folder)}`, error)
      : toFettleError(error, `making ${folder}`)
  }
}

const unusable = (home: string, why: string, cause?: unknown): FettleError =>
  new FettleError('USAGE', `${home} can not be the home of fettle: ${why}`, {
    hint: 'Choose another folder with --home or FETTLE_HOME.',
    cause,
  })
