/** Which entries of a tree are not what the last dump saw. */
import type { Index } from './cache.ts'
import { floorDivide, parentOf, type RawPath, type Seen } from './entry.ts'
import { hashFile } from './pack.ts'

/** Two writes within one tick of the file system's clock leave the same times: what is this young is read again, as git does. */
export const RACY_NS = 2_000_000_000n
const MICROSECOND = 1000n

export interface Changes {
  /** To be written; with the folders they lie in, whose times an extraction would otherwise change. */
  changed: Seen[]
  unchanged: Seen[]
  /** Gone, or of another kind now; children after their folders. */
  deleted: RawPath[]
  /** Some entry's times or inode moved although its content did not: the index is worth writing again. */
  stale: boolean
}

export function changesSince(index: Index, root: string, entries: Seen[]): Changes {
  const changes: Changes = { changed: [], unchanged: [], deleted: [], stale: false }
  const youngest = youngestSettled(index.takenAt)
  const different = new Set<RawPath>()
  const kept = new Map<RawPath, Seen>()
  for (const seen of entries) {
    const before = index.entries.get(seen.path)
    const same = before === undefined ? undefined : unchangedForm(before, seen, root, youngest)
    if (same === undefined) different.add(seen.path)
    else kept.set(seen.path, same)
    if (same !== before && same !== undefined) changes.stale = true
  }
  const now = new Map(entries.map(entry => [entry.path, entry]))
  for (const before of index.entries.values()) if (now.get(before.path)?.kind !== before.kind) changes.deleted.push(before.path)
  const touched = new Set([...different, ...changes.deleted].map(parentOf))
  for (const seen of entries) {
    const same = kept.get(seen.path)
    if (same === undefined || touched.has(seen.path)) changes.changed.push(seen)
    else changes.unchanged.push(same)
  }
  if (different.size === 0 && changes.deleted.length === 0) return { ...changes, changed: [], unchanged: [...kept.values()] }
  return changes
}

/** The entry as it stands in the index, with the times of now; undefined when it must be written again. */
function unchangedForm(before: Seen, seen: Seen, root: string, youngest: bigint): Seen | undefined {
  if (before.kind !== seen.kind || before.mode !== seen.mode || before.uid !== seen.uid || before.gid !== seen.gid) return undefined
  // In microseconds, which is what a restore can set: a tree just restored is not a changed one.
  if (
    floorDivide(before.mtimeNs, MICROSECOND) !== floorDivide(seen.mtimeNs, MICROSECOND) ||
    before.size !== seen.size ||
    before.target !== seen.target
  )
    return undefined
  if (seen.kind !== 'file') return isSame(before, seen) ? before : seen
  if (isSettled(before, seen, youngest)) return before
  return hashFile(root, seen) === before.sha ? { ...seen, sha: before.sha } : undefined
}

/** @param takenAt wall clock, ms, when a walk began @returns nanoseconds: an entry that changed before them had done so */
export const youngestSettled = (takenAt: number): bigint => BigInt(Math.floor(takenAt)) * 1_000_000n - RACY_NS

/** Same content, and not so young at the dump before that it is to be read again. */
export const isSettled = (before: Seen, seen: Seen, youngest: bigint): boolean => isSame(before, seen) && seen.ctimeNs < youngest

/** Same content, as far as the file system tells. */
const isSame = (a: Seen, b: Seen): boolean => a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.inode === b.inode
