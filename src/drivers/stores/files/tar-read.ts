/** Reads back what tar-write wrote: ustar with pax headers. Anything else in the stream is damage. */
import { FettleError } from '../../../core/errors.ts'
import { type Entry, type RawPath, rawPath } from './entry.ts'
import { BLOCK, FIELD, padding, sumOf } from './tar-write.ts'

const KINDS: Record<string, Entry['kind']> = { '0': 'file', '2': 'link', '5': 'folder' }
/** Longest path that Linux takes is 4,096 bytes; more is no header of ours. */
const LONGEST_PAX = 64 * 1024

export interface Member {
  entry: Entry
  /** The content of a file; must be read to its end before the next member. */
  body: AsyncGenerator<Buffer>
}

/** @throws DAMAGED on whatever is not an archive of ours, and on names that lead out of the tree */
export async function* readTar(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Member> {
  const input = new Input(stream)
  try {
    for (let entry = await nextEntry(input); entry !== undefined; entry = await nextEntry(input)) {
      yield { entry, body: input.body(entry.size) }
      await input.skip(padding(entry.size))
    }
    // To the end, so that the source's own checks of the whole object run.
    await input.drain()
  } finally {
    await input.close()
  }
}

/** undefined at the end mark. */
async function nextEntry(input: Input): Promise<Entry | undefined> {
  let pax = new Map<string, RawPath>()
  for (;;) {
    const block = await input.take(BLOCK)
    if (block === undefined) throw damaged('ends before its end mark')
    if (block.every(byte => byte === 0)) return undefined
    if (number(block, FIELD.checksum, 8) !== sumWithoutChecksum(block)) throw damaged('has a header with a wrong checksum')
    const type = block.toString('latin1', FIELD.type, FIELD.target)
    if (type !== 'x') return entryFrom(block, type, pax)
    pax = await readPax(input, number(block, FIELD.size, 12))
  }
}

function entryFrom(block: Buffer, type: string, pax: Map<string, RawPath>): Entry {
  const kind = KINDS[type]
  if (kind === undefined) throw damaged(`has an entry of the unknown type ${JSON.stringify(type)}`)
  const decimal = (key: string, at: number, length: number) => {
    const value = pax.get(key)
    return value === undefined ? number(block, at, length) : Number(value)
  }
  return {
    path: safePath(pax.get('path') ?? text(block, 0, 100)),
    kind,
    mode: number(block, FIELD.mode, 8) & 0o7777,
    uid: decimal('uid', FIELD.uid, 8),
    gid: decimal('gid', FIELD.gid, 8),
    mtimeNs: nanoseconds(pax.get('mtime') ?? String(number(block, FIELD.mtime, 12))),
    size: kind === 'file' ? decimal('size', FIELD.size, 12) : 0,
    target: kind === 'link' ? (pax.get('linkpath') ?? text(block, FIELD.target, 100)) : '',
  }
}

/** `./a/b` or `./a/b/` → `a/b`. What was written here never looks otherwise. */
function safePath(name: RawPath): RawPath {
  const path = name.startsWith('./') ? name.slice(2).replace(/\/$/, '') : undefined
  if (
    path === undefined ||
    (path !== '' && path.split('/').some(part => part === '' || part === '.' || part === '..')) ||
    path.includes('\0')
  )
    throw damaged(`has an entry that leads elsewhere: ${JSON.stringify(name)}`)
  return path
}

async function readPax(input: Input, size: number): Promise<Map<string, RawPath>> {
  const bytes = size > LONGEST_PAX ? undefined : await input.take(size)
  if (bytes === undefined) throw damaged('has a pax header that is cut short')
  await input.skip(padding(size))
  const records = new Map<string, RawPath>()
  const all = rawPath(bytes)
  for (let at = 0; at < all.length; ) {
    const space = all.indexOf(' ', at)
    const length = Number(all.slice(at, space))
    const equals = all.indexOf('=', space)
    if (!(length > 0) || equals < 0 || all[at + length - 1] !== '\n') throw damaged('has a malformed pax header')
    records.set(all.slice(space + 1, equals), all.slice(equals + 1, at + length - 1))
    at += length
  }
  return records
}

function nanoseconds(decimal: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(decimal)
  if (match === null) throw damaged(`has the time ${JSON.stringify(decimal)}`)
  const ns = BigInt(match[2] as string) * 1_000_000_000n + BigInt((match[3] ?? '').padEnd(9, '0'))
  return match[1] === '-' ? -ns : ns
}

function text(block: Buffer, at: number, length: number): RawPath {
  const field = block.subarray(at, at + length)
  const end = field.indexOf(0)
  return rawPath(end < 0 ? field : field.subarray(0, end))
}

function number(block: Buffer, at: number, length: number): number {
  const value = Number.parseInt(text(block, at, length).trim() || '0', 8)
  if (!Number.isSafeInteger(value)) throw damaged('has a header with a malformed number')
  return value
}

/** The checksum counts as blanks in itself. */
const sumWithoutChecksum = (block: Buffer): number =>
  sumOf(block, 0, FIELD.checksum) + (FIELD.type - FIELD.checksum) * 0x20 + sumOf(block, FIELD.type, BLOCK)

const damaged = (what: string) => new FettleError('DAMAGED', `the archive ${what}`)

/** Bytes by number, from pieces of any size. */
class Input {
  readonly #pieces: AsyncIterator<Uint8Array>
  #piece: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#pieces = stream[Symbol.asyncIterator]()
  }

  /** undefined when the stream ends before. */
  async take(length: number): Promise<Buffer | undefined> {
    if (this.#piece.length >= length) return this.#cut(length)
    const parts: Buffer[] = []
    for (let missing = length; missing > 0; ) {
      const part = await this.#some(missing)
      if (part === undefined) return undefined
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts)
  }

  async *body(size: number): AsyncGenerator<Buffer> {
    for (let missing = size; missing > 0; ) {
      const part = await this.#some(missing)
      if (part === undefined) throw damaged('ends within a file')
      missing -= part.length
      yield part
    }
  }

  async skip(length: number): Promise<void> {
    if (length > 0 && (await this.take(length)) === undefined) throw damaged('ends before its end mark')
  }

  async drain(): Promise<void> {
    while ((await this.#pieces.next()).done !== true);
  }

  async close(): Promise<void> {
    await this.#pieces.return?.()
  }

  /** At least one byte, at most `most`; undefined at the end. */
  async #some(most: number): Promise<Buffer | undefined> {
    while (this.#piece.length === 0) {
      const { value, done } = await this.#pieces.next()
      if (done === true) return undefined
      this.#piece = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
    return this.#cut(Math.min(most, this.#piece.length))
  }

  #cut(length: number): Buffer {
    const part = this.#piece.subarray(0, length)
    this.#piece = this.#piece.subarray(length)
    return part
  }
}

/** The bytes of a member that must be small. */
export async function bodyText(member: Member): Promise<RawPath> {
  const parts: Buffer[] = []
  for await (const part of member.body) parts.push(part)
  return rawPath(Buffer.concat(parts))
}
