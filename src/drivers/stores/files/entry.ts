/**
 * One thing in a tree. Paths and link targets are bytes, not text: Linux allows any but `/` and NUL, and a name that is not UTF-8
 * must come back as it was. They are held as latin1 strings, one character a byte, which compare and hash like any string.
 */
import type { BigIntStats } from 'node:fs'
import { folderItem } from '../../../core/fingerprint.ts'
import { ContentSum, digestOf } from '../../../lib/content-sum.ts'
import type { Fingerprint } from '../../../ports/store.ts'

export type RawPath = string

export interface Entry {
  /** Relative to the root, '' for the root itself. */
  path: RawPath
  kind: 'file' | 'folder' | 'link'
  mode: number
  uid: number
  gid: number
  /** Nanoseconds since the epoch. */
  mtimeNs: bigint
  /** Of a file's content, 0 for the others. */
  size: number
  /** Of a link. */
  target: RawPath
}

/** An entry and the SHA-256 of its content, as a latin1 string of 32 bytes; '' where there is none. */
export type Hashed = Entry & { sha: string }

/** An entry of a live tree. */
export interface Seen extends Hashed {
  /** What changes with the file whenever its content may have: compared with the last dump's. */
  ctimeNs: bigint
  inode: bigint
}

export const rawPath = (bytes: Uint8Array): RawPath => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
export const pathBytes = (path: RawPath): Buffer => Buffer.from(path, 'latin1')
export function parentOf(path: RawPath): RawPath {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}
export const joinRaw = (folder: RawPath, name: RawPath): RawPath => (folder === '' ? name : `${folder}/${name}`)

/** Times before 1970 are negative. */
export const floorDivide = (ns: bigint, unit: bigint): bigint => ns / unit - (ns % unit < 0n ? 1n : 0n)

/** Not hashed yet. */
export function seenAs(path: RawPath, stats: BigIntStats, target: RawPath = ''): Seen {
  const kind = stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'file'
  return {
    path,
    kind,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: stats.mtimeNs,
    size: kind === 'file' ? Number(stats.size) : 0,
    target,
    sha: '',
    ctimeNs: stats.ctimeNs,
    inode: stats.ino,
  }
}

/** For people, and for JSON: valid UTF-8 as it is, other bytes, control characters and backslashes escaped. */
export function shownPath(path: RawPath): string {
  const text = pathBytes(path).toString('utf8')
  return text.includes('\ufffd') ? path.replace(/[^ -[\]-~]/g, escaped) : text.replace(/[\\\p{Cc}]/gu, escaped)
}

const escaped = (character: string) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`

/** Above this many top-level folders they share 256 items, so that a manifest stays small. */
const MOST_ITEMS = 500

/**
 * Path, kind, mode, content or target, and time of every entry, an item for each folder at the top; what lies there itself is in `.`.
 * Times count in whole seconds, the coarsest that a usual file system keeps; a link's mode and the root's time do not count.
 */
export function fingerprintOfTree(entries: Iterable<Hashed>): Fingerprint {
  const [root, all] = withoutRoot([...entries])
  const tops = new Set(all.map(topOf))
  const sums = new Map<string, ContentSum>()
  for (const entry of all) {
    const item = itemName(topOf(entry), tops.size)
    const sum = sums.get(item) ?? new ContentSum()
    sums.set(item, sum)
    sum.add(record(entry))
  }
  const items = Object.fromEntries(
    [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, sum]) => [name, { rows: sum.rows, content: sum.hex() }]),
  )
  return { format: 1, driver: 'files', of: 'of-the-dump', schema: root?.mode.toString(8) ?? '', items }
}

/** For people: which item an entry belongs to, in a tree of few top-level folders. */
export const itemOf = (entry: Entry): string => itemName(topOf(entry), 0)

function withoutRoot(entries: Hashed[]): [root: Hashed | undefined, below: Hashed[]] {
  return [entries.find(entry => entry.path === ''), entries.filter(entry => entry.path !== '')]
}

function topOf(entry: Entry): RawPath {
  const slash = entry.path.indexOf('/')
  if (slash < 0) return entry.kind === 'folder' ? entry.path : ''
  return entry.path.slice(0, slash)
}

function itemName(top: RawPath, tops: number): string {
  if (top === '') return '.'
  if (tops <= MOST_ITEMS) return folderItem(shownPath(top))
  return `folders ${digestOf(pathBytes(top)).charCodeAt(0).toString(16).padStart(2, '0')}`
}

function record(entry: Hashed): Buffer {
  const mode = entry.kind === 'link' ? '' : entry.mode.toString(8)
  const seconds = floorDivide(entry.mtimeNs, 1_000_000_000n)
  // NUL ends each field: neither a path nor a target can hold one.
  return Buffer.from(`${entry.kind}\0${mode}\0${seconds}\0${entry.path}\0${entry.target}\0${entry.sha}`, 'latin1')
}
