/** Removing folders of our own, whatever modes apps, builds and backups left in them. */
import { chmod, lstat, readdir, rm } from 'node:fs/promises'
import { FettleError } from '../core/errors.ts'
import { joinBytes } from './byte-path.ts'

const OWNER_ALL = 0o700
/** Each goes on where the one before it was stopped; one is enough, but for what that was still at work on when it failed. */
const ATTEMPTS = 5
const MENDABLE = ['EACCES', 'EPERM', 'ENOTEMPTY']

/**
 * Removes a folder with all that is in it, or a file. Links are removed, never followed. Idempotent.
 * @throws REFUSED when something is mounted in it, the system's error when something in it belongs to another user
 */
export async function removeTree(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rm(path, { recursive: true, force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') throw mounted(error as NodeJS.ErrnoException)
      if (attempt === ATTEMPTS || !MENDABLE.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      await openUp(Buffer.from(path))
    }
  }
}

const mounted = (error: NodeJS.ErrnoException): FettleError =>
  new FettleError('REFUSED', `${error.path} can not be removed: something is mounted there`, {
    cause: error,
    hint: `\`umount ${error.path}\`, then try again.`,
  })

/**
 * Whoever is not root can neither list nor empty a folder that lacks these bits, even where it is their own. A removal that failed is
 * still at work beside the place where it did: what it removes meanwhile need not be opened.
 */
async function openUp(folder: Buffer): Promise<void> {
  try {
    const { mode, uid } = await lstat(folder)
    if ((mode & OWNER_ALL) !== OWNER_ALL && uid === process.geteuid?.()) await chmod(folder, (mode & 0o7777) | OWNER_ALL)
    for (const entry of await readdir(folder, { encoding: 'buffer', withFileTypes: true }))
      if (entry.isDirectory()) await openUp(joinBytes(folder, entry.name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
