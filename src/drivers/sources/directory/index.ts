/** A folder as a source: copied as it is now, without what its ignore file names. See README.md for what is left out. */
import { mkdir, stat } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import { FettleError, toFettleError } from '../../../core/errors.ts'
import { joinBytes, shownPath } from '../../../lib/byte-path.ts'
import { requireSpace } from '../../../lib/disk.ts'
import { removeTree } from '../../../lib/remove-tree.ts'
import { isDatabase, mayBeDatabase } from '../../../lib/sqlite-files.ts'
import { fileHash, listTree, readFailure, type TreeEntry, treeDigest } from '../../../lib/tree.ts'
import type { Fetched, Source, SourceLook } from '../../../ports/source.ts'
import { copyTree } from './copy.ts'
import { sourceFilter } from './ignore-rules.ts'
import { linkProblem } from './links.ts'

export interface DirectorySourceOptions {
  /** Absolute. */
  folder: string
  /** Absolute paths that are left out, such as the home of fettle, or the repository, when it lies inside. */
  exclude: string[]
  /** The app has build commands: see README.md, `node_modules`. */
  hasBuild: boolean
}

/** A folder that somebody edits right now is read once more. */
const ATTEMPTS = 2

export function directorySource(options: DirectorySourceOptions): Source {
  return {
    build: [],
    look: signal => consistently(() => lookOnce(options, signal)),
    fetch: (into, signal) =>
      consistently(() => fetchOnce(options, into, signal)).catch(async error => {
        await emptied(into)
        throw error
      }),
  }
}

async function consistently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const failure = toFettleError(error, 'take the source')
      if (failure.code !== 'CONFLICT' || attempt === ATTEMPTS) throw failure
    }
  }
}

async function lookOnce(options: DirectorySourceOptions, signal?: AbortSignal): Promise<SourceLook> {
  const root = Buffer.from(options.folder)
  const entries = await list(options, signal)
  const digest = await treeDigest(entries, async ({ path, bytes }) => {
    signal?.throwIfAborted()
    return fileHash(joinBytes(root, path), bytes, signal).catch(error => Promise.reject(readFailure(error, path)))
  })
  const named = entries.filter(({ kind, path }) => kind === 'file' && mayBeDatabase(path.toString()))
  const databases = await Promise.all(named.map(async ({ path }) => ((await isDatabase(joinBytes(root, path))) ? [shownPath(path)] : [])))
  return { digest, databases: databases.flat() }
}

async function fetchOnce(options: DirectorySourceOptions, into: string, signal: AbortSignal): Promise<Fetched> {
  const entries = await list(options, signal)
  const size = sizeOf(entries)
  await emptied(into)
  await requireSpace(into, size.bytes, `a copy of ${options.folder}`)
  const digest = await copyTree(Buffer.from(options.folder), Buffer.from(into), entries, signal)
  requireSame(entries, await list(options, signal))
  return { digest, ...size, description: `folder ${options.folder}` }
}

async function emptied(folder: string): Promise<void> {
  await removeTree(folder)
  await mkdir(folder, { recursive: true })
}

async function list({ folder, exclude, hasBuild }: DirectorySourceOptions, signal?: AbortSignal): Promise<TreeEntry[]> {
  const isFolder = await stat(folder).then(
    stats => stats.isDirectory(),
    () => false,
  )
  if (!isFolder) throw new FettleError('NOT_FOUND', `${folder} is no folder`, { hint: 'Correct `source` in fettle.yaml.' })
  const root = Buffer.from(folder)
  const inside = exclude.map(path => relative(folder, path)).filter(path => !isAbsolute(path) && !path.startsWith('..'))
  const entries = await listTree(root, sourceFilter({ root, exclude: inside, hasBuild }), signal)
  for (const { path, target } of entries) if (target !== undefined) requireInside(folder, path, target)
  return entries
}

function requireInside(folder: string, path: Buffer, target: Buffer): void {
  const problem = linkProblem(path, target)
  if (problem === undefined) return
  throw new FettleError('REFUSED', `${join(folder, shownPath(path))} is a link to ${shownPath(target)}, ${problem}`, {
    hint: 'Point it to a place in the folder by a relative path, put a copy in its place, or list it in .fettleignore.',
  })
}

function requireSame(before: TreeEntry[], after: TreeEntry[]): void {
  const index = before.findIndex((entry, at) => !(after[at]?.path.equals(entry.path) && after[at].stamp === entry.stamp))
  const changed = index >= 0 ? before[index] : after[before.length]
  if (changed === undefined) return
  throw new FettleError('CONFLICT', `${shownPath(changed.path)} changed while it was copied`, {
    hint: 'Wait until nothing writes to the folder, or list what changes all the time in .fettleignore.',
  })
}

function sizeOf(entries: readonly TreeEntry[]): { files: number; bytes: number } {
  const files = entries.filter(entry => entry.kind === 'file')
  return { files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) }
}
