/** Copies a listed tree into an empty folder. */
import { hash } from 'node:crypto'
import { constants, createReadStream, createWriteStream } from 'node:fs'
import { chmod, copyFile as copyBlocks, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { joinBytes } from '../../../lib/byte-path.ts'
import { fileHash, readFailure, SMALL_FILE, type TreeEntry, treeDigest } from '../../../lib/tree.ts'

/** @returns the digest of the bytes that were written */
export async function copyTree(from: Buffer, into: Buffer, entries: readonly TreeEntry[], signal: AbortSignal): Promise<string> {
  const naming = async <T>({ path }: TreeEntry, work: (into: Buffer) => Promise<T>): Promise<T> => {
    signal.throwIfAborted()
    return work(joinBytes(into, path)).catch(error => Promise.reject(readFailure(error, path)))
  }
  for (const entry of entries) {
    if (entry.kind === 'folder') await naming(entry, path => mkdir(path, { mode: entry.mode | 0o700 }))
  }
  const digest = await treeDigest(entries, entry => naming(entry, path => copyFile(joinBytes(from, entry.path), path, entry, signal)))
  for (const entry of entries) {
    if (entry.target !== undefined) await naming(entry, path => symlink(entry.target as Buffer, path))
  }
  return digest
}

async function copyFile(from: Buffer, into: Buffer, entry: TreeEntry, signal: AbortSignal): Promise<Buffer> {
  const mode = entry.mode | 0o600
  if (entry.bytes <= SMALL_FILE) {
    const bytes = await readFile(from)
    await writeFile(into, bytes, { mode, flag: 'wx' })
    return hash('sha256', bytes, 'buffer')
  }
  if (!(await sharedCopy(from, into))) {
    await pipeline(createReadStream(from, { highWaterMark: SMALL_FILE }), createWriteStream(into, { mode, flags: 'wx' }), { signal })
  }
  await chmod(into, mode)
  return fileHash(into, entry.bytes, signal)
}

/** A copy that shares its blocks with the original, where the file system can. */
async function sharedCopy(from: Buffer, into: Buffer): Promise<boolean> {
  try {
    await copyBlocks(from, into, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'EXDEV' || code === 'EINVAL' || code === 'ENOTTY' || code === 'ENOSYS')
      return false
    throw error
  }
}
