/** A folder and all that is in it, as a sorted list, and one digest over it. */
import { createHash, hash } from 'node:crypto'
import { createReadStream, type Dirent } from 'node:fs'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { FettleError } from '../core/errors.ts'
import { joinBytes, shownPath } from './byte-path.ts'
import { mapConcurrently } from './concurrency.ts'

/** Up to this, a file is read at once; a larger one goes through a stream. */
export const SMALL_FILE = 1024 * 1024
const LANES = 16

export interface TreeEntry {
  /** Relative to the root. */
  path: Buffer
  kind: 'file' | 'folder' | 'link'
  /** Permission bits. */
  mode: number
  bytes: number
  /** Changes whenever the entry does: inode, size and both times. */
  stamp: string
  /** Of a link. */
  target?: Buffer
}

/** Says which entries of one folder (relative path) belong to the tree. */
export type Filter = (folder: Buffer, entries: Dirent<Buffer>[]) => Promise<Dirent<Buffer>[]>

/**
 * Everything below `root` that the filter keeps, sorted by the bytes of the path. Opens nothing but folders, so that a FIFO does
 * not hang it.
 * @throws FettleError REFUSED for what is neither file, folder nor link; CONFLICT when an entry goes away meanwhile
 */
export async function listTree(root: Buffer, filter: Filter, signal?: AbortSignal): Promise<TreeEntry[]> {
  const found: TreeEntry[] = []
  const folders: Buffer[] = [Buffer.alloc(0)]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const inside = await readFolder(root, folder, filter)
    const entries = await mapConcurrently(inside, LANES, name => describe(root, joinBytes(folder, name)))
    signal?.throwIfAborted()
    for (const entry of entries) {
      found.push(entry)
      if (entry.kind === 'folder') folders.push(entry.path)
    }
  }
  return found.sort((a, b) => Buffer.compare(a.path, b.path))
}

async function readFolder(root: Buffer, folder: Buffer, filter: Filter): Promise<Buffer[]> {
  try {
    const entries = await readdir(joinBytes(root, folder), { encoding: 'buffer', withFileTypes: true })
    return (await filter(folder, entries)).map(entry => entry.name)
  } catch (error) {
    throw readFailure(error, folder)
  }
}

async function describe(root: Buffer, path: Buffer): Promise<TreeEntry> {
  const full = joinBytes(root, path)
  try {
    const stats = await lstat(full, { bigint: true })
    const stamp = `${stats.dev}:${stats.ino}:${stats.mode}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`
    const common = { path, mode: Number(stats.mode & 0o777n), bytes: 0, stamp }
    if (stats.isFile()) return { ...common, kind: 'file', bytes: Number(stats.size) }
    if (stats.isDirectory()) return { ...common, kind: 'folder', stamp: `folder:${stats.mode}` } // its times change with what is left out
    if (stats.isSymbolicLink()) return { ...common, kind: 'link', target: await readlink(full, { encoding: 'buffer' }) }
  } catch (error) {
    throw readFailure(error, path)
  }
  throw new FettleError('REFUSED', `${shownPath(path)} is no file, folder or link, but a pipe, socket or device`, {
    hint: 'Move it out of the folder, or list it in .fettleignore.',
  })
}

/** What a failed read of the source says to its owner. */
export function readFailure(error: unknown, path: Buffer): unknown {
  const { code } = error as NodeJS.ErrnoException
  const shown = path.length === 0 ? 'the folder' : shownPath(path)
  if (code === 'ENOENT' || code === 'ENOTDIR') return new FettleError('CONFLICT', `${shown} went away while it was read`, { cause: error })
  if (code === 'EACCES' || code === 'EPERM') {
    return new FettleError('REFUSED', `${shown} can not be read by this user`, {
      cause: error,
      hint: 'Make it readable, or list it in .fettleignore.',
    })
  }
  if (code === 'ENAMETOOLONG') {
    return new FettleError('REFUSED', `the path of ${shown.slice(0, 80)}… is too long`, {
      cause: error,
      hint: 'Shorten it, or list it in .fettleignore.',
    })
  }
  return error
}

/** SHA-256 of the bytes of a file. */
export async function fileHash(path: Buffer, bytes: number, signal?: AbortSignal): Promise<Buffer> {
  if (bytes <= SMALL_FILE) return hash('sha256', await readFile(path, { signal }), 'buffer')
  const sum = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: SMALL_FILE }), sum, { signal })
  return sum.digest()
}

/**
 * The digest of a tree: kind, executable bit, path and content of every entry, in order. Owners, times and other permission bits
 * differ between checkouts of the same code and do not count.
 * @param content hash of a file's bytes
 */
export async function treeDigest(entries: readonly TreeEntry[], content: (entry: TreeEntry) => Promise<Buffer>): Promise<string> {
  const hashes = await mapConcurrently(entries, LANES, entry =>
    entry.kind === 'file' ? content(entry) : Promise.resolve(hash('sha256', entry.target ?? '', 'buffer')),
  )
  const sum = createHash('sha256').update('fettle tree 1\n')
  const head = Buffer.alloc(5)
  for (const [index, entry] of entries.entries()) {
    head.write(kindLetter(entry), 'latin1')
    head.writeUInt32BE(entry.path.length, 1)
    sum
      .update(head)
      .update(entry.path)
      .update(hashes[index] as Buffer)
  }
  return sum.digest('hex')
}

function kindLetter({ kind, mode }: TreeEntry): string {
  if (kind === 'file') return (mode & 0o100) === 0 ? 'f' : 'x'
  return kind === 'folder' ? 'd' : 'l'
}
