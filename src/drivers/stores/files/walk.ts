/** Lists a tree without following any link. */
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { FettleError } from '../../../core/errors.ts'
import { joinRaw, pathBytes, type RawPath, rawPath, type Seen, seenAs, shownPath } from './entry.ts'

const ENTRIES_PER_TURN = 2000

export interface Tree {
  /** Folders before what is in them, names sorted by their bytes. */
  entries: Seen[]
  /** What is there and can not be in a backup: sockets, pipes, devices. */
  notCovered: string[]
}

export const absolute = (root: string, path: RawPath): Buffer =>
  path === '' ? Buffer.from(root) : Buffer.concat([Buffer.from(`${root}/`), pathBytes(path)])

/** @throws NOT_FOUND when there is no such folder, REFUSED when something in it may not be read */
export async function walk(root: string, signal: AbortSignal): Promise<Tree> {
  signal.throwIfAborted()
  const tree: Tree = { entries: [], notCovered: [] }
  const stack: RawPath[] = ['']
  let untilTurn = ENTRIES_PER_TURN
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    const seen = lookAt(root, path, tree.notCovered)
    if (seen === undefined) continue
    tree.entries.push(seen)
    if (seen.kind === 'folder') for (const name of namesOf(root, path)) stack.push(joinRaw(path, name))
    if (--untilTurn > 0) continue
    untilTurn = ENTRIES_PER_TURN
    await turn()
    signal.throwIfAborted()
  }
  return tree
}

/** undefined: gone since its folder was listed, or of a kind that a backup can not hold. */
function lookAt(root: string, path: RawPath, notCovered: string[]): Seen | undefined {
  const where = absolute(root, path)
  const stats = reading(root, path, () => lstatSync(where, { bigint: true }))
  if (stats === undefined) return undefined
  if (stats.isFile() || stats.isDirectory()) return seenAs(path, stats)
  if (stats.isSymbolicLink()) {
    const target = reading(root, path, () => readlinkSync(where, 'buffer'))
    return target === undefined ? undefined : seenAs(path, stats, rawPath(target))
  }
  notCovered.push(`${kindOf(stats)}, not covered`)
  return undefined
}

/** Reversed, because the walk takes them from the end of its stack. */
function namesOf(root: string, path: RawPath): RawPath[] {
  const names = reading(root, path, () => readdirSync(absolute(root, path), 'buffer')) ?? []
  return names.map(rawPath).sort().reverse()
}

/** Gone, or something else by now: a link, a folder, a pipe or a socket where a file was, a file where its folder was. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'EAGAIN', 'ENXIO'])

/** undefined: what was listed there is gone. The root must not be. */
export function reading<Result>(root: string, path: RawPath, read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (GONE.has(code) && path !== '') return undefined
    const where = shownPath(joinRaw(Buffer.from(root).toString('latin1'), path))
    if (code === 'ENOENT')
      throw new FettleError('NOT_FOUND', `there is no folder ${where}`, { hint: 'Check the folder in the store of fettle.yaml.' })
    if (code === 'EACCES' || code === 'EPERM')
      throw new FettleError('REFUSED', `${where} may not be read, so the backup would be incomplete`, {
        cause: error,
        hint: `Let the user that fettle runs as read it: chmod or chown ${where}.`,
      })
    throw error
  }
}

const kindOf = (stats: BigIntStats) => (stats.isSocket() ? 'socket' : stats.isFIFO() ? 'pipe' : 'device')
