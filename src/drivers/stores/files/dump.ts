import type { DumpOptions, Sink, SnapshotPart, StoredObject } from '../../../ports/store.ts'
import { encodeIndex, type Index, readIndex, writeIndex } from './cache.ts'
import { type Changes, changesSince } from './changes.ts'
import { type FilesConfig, rootPath } from './config.ts'
import { DELETED, DELTA, FULL } from './content.ts'
import { type Entry, fingerprintOfTree, pathBytes, type Seen } from './entry.ts'
import { type Outcome, packTree } from './pack.ts'
import { settle } from './settle.ts'
import { padding, tarHeader, tarName } from './tar-write.ts'
import { type Tree, walk } from './walk.ts'

/** A new full is written when the deltas would hold more than this share of it: a restore reads them all. */
const MOST_DELTA_SHARE = 0.5
const LONGEST_CHAIN = 30
/** Of the archive, for each entry beside its content. */
const HEADER_BYTES = 1536

/** One object to be written: all of the tree, or what changed on top of `base`. */
interface Pack {
  content: string
  entries: Seen[]
  head: Buffer
  /** What the object leaves as it was, and the objects that hold it. */
  kept: Iterable<Seen>
  base: StoredObject[]
}

export async function dump(folder: string, config: FilesConfig, sink: Sink, options: DumpOptions): Promise<SnapshotPart> {
  const root = rootPath(folder, config)
  const takenAt = options.viewed()
  const [tree, before] = await Promise.all([walk(root, options.signal), indexOf(options)])
  await settle(root, tree.entries, takenAt, before?.index)
  const changes = before === undefined ? undefined : changesSince(before.index, root, tree.entries)
  if (before === undefined || changes === undefined) return writePack(fullPack(tree), root, takenAt, tree.notCovered, sink, options)
  if (changes.changed.length === 0 && changes.deleted.length === 0)
    return sameAgain(before.part, changes, takenAt, tree.notCovered, options)
  const pack = isWorthDelta(before.part, changes, tree) ? deltaPack(before, changes, takenAt) : fullPack(tree)
  return writePack(pack, root, takenAt, tree.notCovered, sink, options)
}

const fullPack = (tree: Tree): Pack => ({ content: FULL, entries: tree.entries, head: Buffer.alloc(0), kept: [], base: [] })

const deltaPack = ({ part, index }: Before, changes: Changes, takenAt: number): Pack => ({
  content: DELTA,
  entries: changes.changed,
  head: deletions(changes.deleted, takenAt),
  kept: stillThere(index, changes),
  base: part.objects,
})

async function writePack(
  pack: Pack,
  root: string,
  takenAt: number,
  notCovered: string[],
  sink: Sink,
  { store, cache, previous, signal }: DumpOptions,
): Promise<SnapshotPart> {
  const outcome: Outcome = { packed: [], notes: [...notCovered] }
  let fingerprint = fingerprintOfTree([])
  let encoded: Promise<Buffer> | undefined
  async function* payload(): AsyncGenerator<Buffer> {
    yield* packTree(root, pack.entries, pack.head, outcome, signal)
    // Here, because the sink is still busy with what it got: afterwards it would be waited for.
    const index = indexFrom(takenAt, [...pack.kept, ...outcome.packed])
    fingerprint = fingerprintOfTree(index.entries.values())
    if (cache !== undefined) encoded = encodeIndex(index)
  }
  const object = await sink.write(pack.content, payload())
  const reused = pack.base.length > 0
  const objects = [...pack.base, object]
  const part: SnapshotPart = { store, driver: 'files', objects, fingerprint, takenAt, reused, ...notes(outcome.notes) }
  if (cache !== undefined && encoded !== undefined) await writeIndex(cache, part, await encoded, previous)
  return part
}

async function sameAgain(
  previous: SnapshotPart,
  changes: Changes,
  takenAt: number,
  notCovered: string[],
  { store, cache }: DumpOptions,
): Promise<SnapshotPart> {
  const part = { ...previous, store, takenAt, reused: true, ...notes(notCovered) }
  if (changes.stale && cache !== undefined)
    await writeIndex(cache, part, await encodeIndex(indexFrom(takenAt, changes.unchanged)), previous)
  return part
}

interface Before {
  part: SnapshotPart
  index: Index
}

async function indexOf({ previous, cache }: DumpOptions): Promise<Before | undefined> {
  if (previous === undefined || cache === undefined) return undefined
  const index = await readIndex(cache, previous)
  return index === undefined ? undefined : { part: previous, index }
}

function isWorthDelta(previous: SnapshotPart, changes: Changes, tree: Tree): boolean {
  const [full, ...deltas] = previous.objects
  if (full === undefined || deltas.length >= LONGEST_CHAIN || tree.entries.some(entry => entry.path === DELETED)) return false
  const written = changes.changed.reduce((bytes, entry) => bytes + entry.size + HEADER_BYTES, 0)
  const before = deltas.reduce((bytes, delta) => bytes + delta.payloadBytes, 0)
  return before + written <= full.payloadBytes * MOST_DELTA_SHARE
}

/** What the delta leaves as it was. An entry that vanished between the walk and its reading stays as the snapshot before has it. */
function* stillThere(index: Index, { deleted }: Changes): Generator<Seen> {
  const gone = new Set(deleted)
  for (const entry of index.entries.values()) if (!gone.has(entry.path)) yield entry
}

/** Later entries of one path replace earlier ones, as in the archive. */
const indexFrom = (takenAt: number, entries: Iterable<Seen>): Index => ({
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

const MOST_NOTES = 20

/** Both are named also where there are none: they are laid over a part that may have had some. */
const notes = (lines: string[]) => ({
  notes: lines.length === 0 ? undefined : lines.slice(0, MOST_NOTES),
  moreNotes: lines.length > MOST_NOTES ? lines.length - MOST_NOTES : undefined,
})
