/**
 * Fills an empty folder from a full archive and its deltas. Nothing is ever written through a link: an entry's folder must be one that
 * this restore made itself.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  futimesSync,
  lchownSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { FettleError } from '../../../core/errors.ts'
import { makeFolder } from '../../../lib/files.ts'
import { syncTree } from '../../../lib/sync-tree.ts'
import type { LoadOptions, SnapshotPart, Source } from '../../../ports/store.ts'
import { type Entry, floorDivide, parentOf, pathBytes, type RawPath, shownPath } from './entry.ts'
import { readMembers } from './replay.ts'
import type { Member } from './tar-read.ts'
import { absolute } from './walk.ts'

/** From here on one sync of the whole file system is quicker than one for each. */
const MANY = 100
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

export async function unpack(part: SnapshotPart, source: Source, folder: string, { durable, signal }: LoadOptions): Promise<void> {
  await makeFolder(folder)
  // Where it is a link it stays one: owner, mode and times are of the folder that it leads to.
  const root = realpathSync(folder)
  if (readdirSync(root).length > 0)
    throw new FettleError('CONFLICT', `${root} is not empty: a snapshot is loaded into an empty folder only`)
  const made = new Map<RawPath, Entry>()
  for await (const step of readMembers(part, source)) {
    signal.throwIfAborted()
    if (step.kind === 'deleted') for (const path of step.paths.reverse()) remove(root, path, made)
    else await place(root, step.member, made)
  }
  finishFolders(root, made)
  if (durable) await makeDurable(root, made)
}

async function makeDurable(root: string, made: Map<RawPath, Entry>): Promise<void> {
  if (made.size > MANY && (await syncTree(root))) return
  for (const { path, kind } of made.values()) {
    if (kind === 'link') continue
    const fd = openSync(absolute(root, path), 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }
}

async function place(root: string, member: Member, made: Map<RawPath, Entry>): Promise<void> {
  const { entry } = member
  const path = absolute(root, entry.path)
  const there = made.get(entry.path)
  if (entry.path === '' && entry.kind !== 'folder') throw damaged(entry, `is a ${entry.kind} in the place of the folder`)
  if (entry.path !== '' && made.get(parentOf(entry.path))?.kind !== 'folder') throw damaged(entry, 'lies in no folder of the archive')
  if (there !== undefined && there.kind !== entry.kind) throw damaged(entry, `is a ${there.kind} and a ${entry.kind}`)
  if (entry.kind === 'folder') {
    if (there === undefined && entry.path !== '') mkdirSync(path, 0o700)
  } else {
    if (there !== undefined) unlinkSync(path)
    if (entry.kind === 'file') await writeFile(path, member)
    else {
      symlinkSync(pathBytes(entry.target), path)
      asFarAsAllowed(() => lchownSync(path, entry.uid, entry.gid))
      lutimesSync(path, seconds(entry), seconds(entry))
    }
  }
  made.set(entry.path, entry)
}

async function writeFile(path: Buffer, { entry, body }: Member): Promise<void> {
  const fd = openSync(path, CREATE, 0o600)
  try {
    for await (const piece of body) for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at)
    // Owner before mode: changing the owner clears set-user-id.
    if (!isOwn(entry)) asFarAsAllowed(() => fchownSync(fd, entry.uid, entry.gid))
    fchmodSync(fd, entry.mode)
    futimesSync(fd, seconds(entry), seconds(entry))
  } finally {
    closeSync(fd)
  }
}

function remove(root: string, path: RawPath, made: Map<RawPath, Entry>): void {
  const entry = made.get(path)
  if (entry === undefined) throw new FettleError('DAMAGED', `the archive deletes ${shownPath(path)}, which it never made`)
  if (entry.kind === 'folder') rmdirSync(absolute(root, path))
  else unlinkSync(absolute(root, path))
  made.delete(path)
}

/** Last, deepest first: a folder may be read-only, and every entry made in it changes its time. */
function finishFolders(root: string, made: Map<RawPath, Entry>): void {
  const folders = [...made.values()].filter(entry => entry.kind === 'folder')
  for (const folder of folders.sort((a, b) => b.path.length - a.path.length)) {
    const path = absolute(root, folder.path)
    asFarAsAllowed(() => lchownSync(path, folder.uid, folder.gid))
    chmodSync(path, folder.mode)
    utimesSync(path, seconds(folder), seconds(folder))
  }
}

/** Of the user and group that whatever is made here belongs to anyway. */
const isOwn = (entry: Entry) => entry.uid === process.getuid?.() && entry.gid === process.getgid?.()

/** Only root may give files away, and in a user namespace not even to everybody: then they belong to whoever restores, as with tar. */
function asFarAsAllowed(change: () => void): void {
  try {
    change()
  } catch (error) {
    if (!['EPERM', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/**
 * Node takes times as doubles, which hold whole seconds exactly and fractions nearly: half a microsecond more, so that rounding never
 * takes one away. As text: a number below zero, a time before 1970, it takes for now.
 */
function seconds(entry: Entry): string {
  const microseconds = Number(floorDivide(entry.mtimeNs, 1000n))
  return String(microseconds % 1e6 === 0 ? microseconds / 1e6 : (microseconds + 0.5) / 1e6)
}

const damaged = (entry: Entry, what: string) => new FettleError('DAMAGED', `the archive's entry ./${shownPath(entry.path)} ${what}`)
