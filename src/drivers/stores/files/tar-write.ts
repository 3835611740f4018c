/**
 * POSIX tar headers (pax). The kept library takes names as text only, and a name here may be any bytes; so header writing is ours. Names
 * start with `./`, so that no extractor takes one for an option. A pax header carries nanoseconds, long names and large sizes.
 */
import type { Entry, RawPath } from './entry.ts'

export const BLOCK = 512
const TYPE = { file: '0', link: '2', folder: '5' } as const
const NAME_LENGTH = 100
const LARGEST_OCTAL_SIZE = 0o77777777777
const LARGEST_OCTAL_ID = 0o7777777
const SECOND = 1_000_000_000n
/** Octal digits hold whole seconds from 1970 to 2242. */
const isOctalTime = (ns: bigint): boolean => ns >= 0n && ns / SECOND <= BigInt(LARGEST_OCTAL_SIZE)

/** Where the fields of a header lie. */
export const FIELD = { mode: 100, uid: 108, gid: 116, size: 124, mtime: 136, checksum: 148, type: 156, target: 157, magic: 257 } as const

/** Two empty blocks. */
export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK)

export const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK
export const tarName = (entry: Pick<Entry, 'path' | 'kind'>): RawPath =>
  entry.path === '' ? './' : `./${entry.path}${entry.kind === 'folder' ? '/' : ''}`

/** Gives memory for the next bytes of the archive. */
export type Reserve = (size: number) => Buffer

/** Writes the header, after a pax header when the entry needs one. */
export function writeHeader(entry: Entry, reserve: Reserve): void {
  const name = tarName(entry)
  const records = paxRecords(entry, name)
  if (records !== '') {
    // The name of a pax header is for old extractors, which make a file of it.
    fillHeader(reserve(BLOCK), '././@PaxHeader', 'x', records.length, { mode: 0o644, uid: 0, gid: 0, mtimeNs: entry.mtimeNs, target: '' })
    const body = reserve(records.length + padding(records.length))
    body.fill(0, body.write(records, 'latin1'))
  }
  fillHeader(reserve(BLOCK), name, TYPE[entry.kind], entry.size, entry)
}

/** The same as one buffer. */
export function tarHeader(entry: Entry): Buffer {
  const parts: Buffer[] = []
  writeHeader(entry, size => {
    const part = Buffer.alloc(size)
    parts.push(part)
    return part
  })
  return Buffer.concat(parts)
}

function paxRecords(entry: Entry, name: RawPath): RawPath {
  let records = ''
  if (entry.mtimeNs % SECOND !== 0n || !isOctalTime(entry.mtimeNs)) records += paxRecord('mtime', decimalSeconds(entry.mtimeNs))
  if (name.length > NAME_LENGTH) records += paxRecord('path', name)
  if (entry.target.length > NAME_LENGTH) records += paxRecord('linkpath', entry.target)
  if (entry.size > LARGEST_OCTAL_SIZE) records += paxRecord('size', String(entry.size))
  if (entry.uid > LARGEST_OCTAL_ID) records += paxRecord('uid', String(entry.uid))
  if (entry.gid > LARGEST_OCTAL_ID) records += paxRecord('gid', String(entry.gid))
  return records
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: RawPath): RawPath {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return `${length}${rest}`
}

function decimalSeconds(ns: bigint): string {
  const absolute = ns < 0n ? -ns : ns
  return `${ns < 0n ? '-' : ''}${absolute / SECOND}.${String(absolute % SECOND).padStart(9, '0')}`
}

const EMPTY = Buffer.alloc(BLOCK)
EMPTY.fill(' ', FIELD.checksum, FIELD.type)
EMPTY.write('ustar\x0000', FIELD.magic, 'latin1')
const MAGIC_SUM = sumOf(EMPTY, FIELD.magic, BLOCK)

/** Twenty thousand files have forty thousand headers: no text is made for a number, and only what is not empty is summed up. */
function fillHeader(
  block: Buffer,
  name: RawPath,
  type: string,
  size: number,
  entry: Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'target'>,
): void {
  EMPTY.copy(block)
  const nameLength = block.write(name, 0, NAME_LENGTH, 'latin1')
  octal(block, FIELD.mode, 8, entry.mode)
  octal(block, FIELD.uid, 8, entry.uid > LARGEST_OCTAL_ID ? 0 : entry.uid)
  octal(block, FIELD.gid, 8, entry.gid > LARGEST_OCTAL_ID ? 0 : entry.gid)
  octal(block, FIELD.size, 12, size > LARGEST_OCTAL_SIZE ? 0 : size)
  octal(block, FIELD.mtime, 12, isOctalTime(entry.mtimeNs) ? Number(entry.mtimeNs / SECOND) : 0)
  block[FIELD.type] = type.charCodeAt(0)
  const targetLength = entry.target === '' ? 0 : block.write(entry.target, FIELD.target, NAME_LENGTH, 'latin1')
  const sum = sumOf(block, 0, nameLength) + sumOf(block, FIELD.mode, FIELD.target + targetLength) + MAGIC_SUM
  octal(block, FIELD.checksum, 7, sum)
}

/** `length - 1` digits and a NUL. */
function octal(block: Buffer, at: number, length: number, value: number): void {
  let rest = value
  for (let digit = at + length - 2; digit >= at; digit--) {
    block[digit] = 0x30 + (rest % 8)
    rest = Math.floor(rest / 8)
  }
  block[at + length - 1] = 0
}

export function sumOf(block: Buffer, from: number, to: number): number {
  let total = 0
  for (let at = from; at < to; at++) total += block[at] as number
  return total
}
