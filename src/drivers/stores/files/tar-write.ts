/**
 * POSIX tar headers (pax). The kept library takes names as text only, and a name here may be any bytes; so header writing is ours. Names
 * start with `./`, so that no extractor takes one for an option. A pax header carries nanoseconds, long names and large sizes.
 */
import { type Entry, pathBytes, type RawPath } from './entry.ts'

export const BLOCK = 512
const TYPE = { file: '0', link: '2', folder: '5' } as const
const NAME_LENGTH = 100
const LARGEST_OCTAL_SIZE = 0o77777777777
const LARGEST_OCTAL_ID = 0o7777777

/** Two empty blocks. */
export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK)

export const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK
export const tarName = (entry: Pick<Entry, 'path' | 'kind'>): RawPath =>
  entry.path === '' ? './' : `./${entry.path}${entry.kind === 'folder' ? '/' : ''}`

export function tarHeader(entry: Entry): Buffer {
  const name = tarName(entry)
  const records = Buffer.concat(paxRecords(entry, name))
  const main = header(pathBytes(name), TYPE[entry.kind], entry.size, entry, pathBytes(entry.target))
  if (records.length === 0) return main
  // The name of a pax header is for old extractors, which make a file of it.
  const pax = header(Buffer.from('././@PaxHeader'), 'x', records.length, { ...entry, mode: 0o644, uid: 0, gid: 0 }, Buffer.alloc(0))
  return Buffer.concat([pax, records, Buffer.alloc(padding(records.length)), main])
}

function paxRecords(entry: Entry, name: RawPath): Buffer[] {
  const records: Buffer[] = []
  const add = (key: string, value: RawPath) => records.push(paxRecord(key, value))
  if (entry.mtimeNs % 1_000_000_000n !== 0n || entry.mtimeNs < 0n) add('mtime', decimalSeconds(entry.mtimeNs))
  if (name.length > NAME_LENGTH) add('path', name)
  if (entry.target.length > NAME_LENGTH) add('linkpath', entry.target)
  if (entry.size > LARGEST_OCTAL_SIZE) add('size', String(entry.size))
  if (entry.uid > LARGEST_OCTAL_ID) add('uid', String(entry.uid))
  if (entry.gid > LARGEST_OCTAL_ID) add('gid', String(entry.gid))
  return records
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: RawPath): Buffer {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return pathBytes(`${length}${rest}`)
}

function decimalSeconds(ns: bigint): string {
  const absolute = ns < 0n ? -ns : ns
  return `${ns < 0n ? '-' : ''}${absolute / 1_000_000_000n}.${String(absolute % 1_000_000_000n).padStart(9, '0')}`
}

function header(name: Buffer, type: string, size: number, entry: Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtimeNs'>, target: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK)
  const seconds = entry.mtimeNs < 0n ? 0 : Number(entry.mtimeNs / 1_000_000_000n)
  name.copy(block, 0, 0, NAME_LENGTH)
  octal(block, 100, 8, entry.mode)
  octal(block, 108, 8, entry.uid > LARGEST_OCTAL_ID ? 0 : entry.uid)
  octal(block, 116, 8, entry.gid > LARGEST_OCTAL_ID ? 0 : entry.gid)
  octal(block, 124, 12, size > LARGEST_OCTAL_SIZE ? 0 : size)
  octal(block, 136, 12, seconds)
  block.fill(' ', 148, 156)
  block.write(type, 156, 'latin1')
  target.copy(block, 157, 0, NAME_LENGTH)
  block.write('ustar\x0000', 257, 'latin1')
  octal(block, 148, 7, sum(block))
  return block
}

function octal(block: Buffer, at: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1')
  block[at + length - 1] = 0
}

export function sum(block: Buffer): number {
  let total = 0
  for (let at = 0; at < BLOCK; at++) total += block[at] as number
  return total
}
