/**
 * What the last dump saw, so that the next one reads only what changed. It is a cache: bound to the object that the last dump wrote,
 * lost without harm, and never used as proof (a drill reads and compares the restored content itself).
 */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompressSync } from 'node:zlib'
import { namesIn, writeFileAtomic } from '../../../lib/files.ts'
import type { SnapshotPart } from '../../../ports/store.ts'
import type { RawPath, Seen } from './entry.ts'

const compress = promisify(zstdCompress)

const FORMAT = 1
const KINDS = ['file', 'folder', 'link'] as const

export interface Index {
  /** Wall clock, ms, when the walk began. */
  takenAt: number
  entries: Map<RawPath, Seen>
}

type Row = [
  RawPath,
  kind: number,
  mode: number,
  uid: number,
  gid: number,
  mtimeNs: string,
  size: number,
  target: RawPath,
  ctimeNs: string,
  inode: string,
  sha: string,
]

/** undefined when there is none for this part, or it can not be read. */
export async function readIndex(cache: string, part: SnapshotPart): Promise<Index | undefined> {
  try {
    const bytes = zstdDecompressSync(await readFile(indexPath(cache, part)))
    const { format, takenAt, rows } = JSON.parse(bytes.toString('utf8')) as { format: number; takenAt: number; rows: Row[] }
    if (format !== FORMAT) return undefined
    return { takenAt, entries: new Map(rows.map(row => [row[0], fromRow(row)])) }
  } catch {
    // Missing, torn or of another version: a cache that can not be read is no cache, and the dump is a full one.
    return undefined
  }
}

/** The file's content; takes as long as a tenth of a second, so it is made while the last of the dump is still being stored. */
export function encodeIndex(index: Index): Promise<Buffer> {
  return compress(JSON.stringify({ format: FORMAT, takenAt: index.takenAt, rows: [...index.entries.values()].map(toRow) }))
}

/** Keeps the one of the snapshot before as well: it is still needed when the present one is never committed. */
export async function writeIndex(cache: string, part: SnapshotPart, encoded: Buffer, previous?: SnapshotPart): Promise<void> {
  await mkdir(folderOf(cache, part), { recursive: true, mode: 0o700 })
  await writeFileAtomic(indexPath(cache, part), encoded, 0o600)
  const kept = [part, ...(previous === undefined ? [] : [previous])].map(indexName)
  for (const name of await namesIn(folderOf(cache, part)))
    if (!kept.includes(name)) await rm(join(folderOf(cache, part), name), { force: true })
}

const folderOf = (cache: string, part: SnapshotPart) => join(cache, 'files', part.store)
const indexName = (part: SnapshotPart) => `${part.objects.at(-1)?.name}.json.zst`
const indexPath = (cache: string, part: SnapshotPart) => join(folderOf(cache, part), indexName(part))

function toRow(e: Seen): Row {
  const kind = KINDS.indexOf(e.kind)
  return [e.path, kind, e.mode, e.uid, e.gid, String(e.mtimeNs), e.size, e.target, String(e.ctimeNs), String(e.inode), e.sha]
}

function fromRow([path, kind, mode, uid, gid, mtimeNs, size, target, ctimeNs, inode, sha]: Row): Seen {
  const times = { mtimeNs: BigInt(mtimeNs), ctimeNs: BigInt(ctimeNs), inode: BigInt(inode) }
  return { path, kind: KINDS[kind] as Seen['kind'], mode, uid, gid, size, target, sha, ...times }
}
