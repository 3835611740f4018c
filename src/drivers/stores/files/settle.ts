/**
 * A page that an app writes through a memory map is told of by the file's times only when it was clean before: until the kernel writes
 * it back, it changes unseen. So what was written lately is written back before it is read, and whatever comes after is seen.
 */
import { fdatasyncSync } from 'node:fs'
import { syncTree } from '../../../lib/sync-tree.ts'
import type { Index } from './cache.ts'
import { isSettled, RACY_NS, youngestSettled } from './changes.ts'
import type { Seen } from './entry.ts'
import { usingFile } from './pack.ts'

/** The kernel writes back what is 30 s old, and looks every 5 s (vm.dirty_expire_centisecs, vm.dirty_writeback_centisecs). */
const DIRTY_NS = 60_000_000_000n
/** From here on one sync of the whole file system is quicker than one for each, though it waits for other writers' data too. */
const MANY = 20

/** @param takenAt wall clock, ms, when the walk began */
export async function settle(root: string, entries: Seen[], takenAt: number, before: Index | undefined): Promise<void> {
  const young = entries.filter(seen => seen.kind === 'file' && isLate(seen, takenAt) && !isKnown(seen, before))
  if (young.length > MANY && (await syncTree(root))) return
  for (const seen of young) usingFile(root, seen, fdatasyncSync)
}

/** What is younger still is read again by the next dump in any case. */
function isLate({ ctimeNs }: Seen, takenAt: number): boolean {
  const youngest = youngestSettled(takenAt)
  return ctimeNs < youngest && ctimeNs >= youngest + RACY_NS - DIRTY_NS
}

/** Not read now, and written back when it was. */
const isKnown = (seen: Seen, before: Index | undefined): boolean => {
  const entry = before?.entries.get(seen.path)
  return before !== undefined && entry !== undefined && isSettled(entry, seen, youngestSettled(before.takenAt))
}
