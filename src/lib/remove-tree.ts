/** Removing folders of our own, whatever modes apps, builds and backups left in them. */
import { chmod, lstat, readdir, rm } from 'node:fs/promises'
import { joinBytes } from './byte-path.ts'

const OWNER_ALL = 0o700

/**
 * Removes a folder with all that is in it, or a file. Links are removed, never followed. Idempotent.
 * @throws the system's error when something in it belongs to another user
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    await openUp(Buffer.from(path))
    await rm(path, { recursive: true, force: true })
  }
}

/** Whoever is not root can neither list nor empty a folder that lacks these bits, even where it is their own. */
async function openUp(folder: Buffer): Promise<void> {
  const { mode, uid } = await lstat(folder)
  if ((mode & OWNER_ALL) !== OWNER_ALL && uid === process.geteuid?.()) await chmod(folder, (mode & 0o7777) | OWNER_ALL)
  for (const entry of await readdir(folder, { encoding: 'buffer', withFileTypes: true }))
    if (entry.isDirectory()) await openUp(joinBytes(folder, entry.name))
}
