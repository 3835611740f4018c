import type { DumpOptions, Sink, SnapshotPart } from '../../../ports/store.ts'
import { type Index, readIndex, writeIndex } from './cache.ts'
import { type Changes, changesSince } from './changes.ts'
import { type FilesConfig, rootPath } from './config.ts'
import { DELETED, DELTA, FULL } from './content.ts'
import { type Entry, fingerprintOfTree, pathBytes } from './entry.ts'
import { type Outcome, packTree } from './pack.ts'
import { padding, tarHeader, tarName } from './tar-write.ts'
import { type Tree, walk } from './walk.ts'

/** A new full is written when the deltas would hold more than this share of it: a restore reads them all. */
const MOST_DELTA_SHARE = 0.5
const LONGEST_CHAIN = 30
/** Of the archive, for each entry beside its content. */
const HEADER_BYTES = 1536

export async function dump(folder: string, config: FilesConfig, sink: Sink, options: DumpOptions): Promise<SnapshotPart> {
  const root = rootPath(folder, config)
  const takenAt = options.viewed()
  const [tree, before] = await Promise.all([walk(root, options.signal), indexOf(options)])
  const head = { store: options.store, driver: 'files', takenAt }
  const changes = before === undefined ? undefined : changesSince(before.index, root, tree.entries)
  if (before !== undefined && changes !== undefined && isUnchanged(changes)) {
    const part = { ...before.part, ...head, reused: true, ...notes(tree.notCovered) }
    if (changes.stale && options.cache !== undefined)
      await writeIndex(options.cache, part, indexFrom(takenAt, changes.unchanged), before.part)
    return part
  }
  const isDelta = before !== undefined && changes !== undefined && isWorthDelta(before.part, changes, tree)
  const outcome: Outcome = { packed: [], notes: [...tree.notCovered] }
  const object = isDelta
    ? await sink.write(DELTA, packTree(root, changes.changed, deletions(changes.deleted, takenAt), outcome, options.signal))
    : await sink.write(FULL, packTree(root, tree.entries, Buffer.alloc(0), outcome, options.signal))
  const index = indexFrom(takenAt, isDelta ? [...stillThere(before.index, changes), ...outcome.packed] : outcome.packed)
  const objects = isDelta ? [...before.part.objects, object] : [object]
  const fingerprint = fingerprintOfTree(index.entries.values())
  const part: SnapshotPart = { ...head, objects, fingerprint, reused: isDelta, ...notes(outcome.notes) }
  if (options.cache !== undefined) await writeIndex(options.cache, part, index, options.previous)
  return part
}

async function indexOf({ previous, cache }: DumpOptions): Promise<{ part: SnapshotPart; index: Index } | undefined> {
  if (previous === undefined || cache === undefined) return undefined
  const index = await readIndex(cache, previous)
  return index === undefined ? undefined : { part: previous, index }
}

const isUnchanged = (changes: Changes) => changes.changed.length === 0 && changes.deleted.length === 0

function isWorthDelta(previous: SnapshotPart, changes: Changes, tree: Tree): boolean {
  const [full, ...deltas] = previous.objects
  if (full === undefined || deltas.length >= LONGEST_CHAIN || tree.entries.some(entry => entry.path === DELETED)) return false
  const written = changes.changed.reduce((bytes, entry) => bytes + entry.size + HEADER_BYTES, 0)
  const before = deltas.reduce((bytes, delta) => bytes + delta.payloadBytes, 0)
  return before + written <= full.payloadBytes * MOST_DELTA_SHARE
}

/** What the delta leaves as it was. An entry that vanished between the walk and its reading stays as the snapshot before has it. */
function* stillThere(index: Index, { deleted }: Changes) {
  const gone = new Set(deleted)
  for (const entry of index.entries.values()) if (!gone.has(entry.path)) yield entry
}

/** Later entries of one path replace earlier ones, as in the archive. */
const indexFrom = (takenAt: number, entries: Iterable<Outcome['packed'][number]>): Index => ({
  takenAt,
  entries: new Map([...entries].map(entry => [entry.path, entry])),
})

function deletions(paths: string[], takenAt: number): Buffer {
  const names = pathBytes(paths.map(path => `${tarName({ path, kind: 'file' })}\0`).join(''))
  const entry: Entry = {
    path: DELETED,
    kind: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtimeNs: BigInt(Math.floor(takenAt)) * 1_000_000n,
    size: names.length,
    target: '',
  }
  return Buffer.concat([tarHeader(entry), names, Buffer.alloc(padding(names.length))])
}

const notes = (lines: string[]) => (lines.length === 0 ? { notes: undefined } : { notes: summary(lines) })

/** A manifest is no log: the first few, and how many more. */
function summary(lines: string[]): string[] {
  const MOST = 20
  return lines.length <= MOST ? lines : [...lines.slice(0, MOST), `and ${lines.length - MOST} more`]
}
