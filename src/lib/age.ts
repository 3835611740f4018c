/**
 * Standard age v1 files (https://age-encryption.org/v1) for X25519 recipients, as streams. The kept library writes and reads the
 * header, which holds the key wrapping; the payload goes through node:crypto's native ChaCha20-Poly1305, because the library's
 * pure-JavaScript cipher is some ten times too slow for backups. Files open with `age -d` and the other way round.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { FettleError } from '../core/errors.ts'
import { Secret } from '../core/secret.ts'
import { rejoin } from './pieces.ts'

const CIPHER = 'chacha20-poly1305'
const CHUNK = 64 * 1024
const TAG = 16
const NONCE = 16
/** A header line is some 100 bytes a recipient; more than this is no age file. */
const LONGEST_HEADER = 64 * 1024

/** A new secret key, `AGE-SECRET-KEY-1…`. */
export async function generateIdentity(): Promise<Secret> {
  const { generateX25519Identity } = await library()
  return new Secret(await generateX25519Identity())
}

/** The public key, `age1…`, that belongs to a secret key. */
export async function recipientOf(identity: Secret): Promise<string> {
  const { identityToRecipient } = await library()
  return identityToRecipient(keysIn(identity)[0] as string)
}

/** The sealed file for all recipients: any one of their identities opens it. @throws SECRET_LOCKED on a malformed recipient */
export async function* encryptAge(recipients: string[], plain: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const sealer = await createAgeSealer(recipients)
  yield sealer.header
  for await (const piece of plain) yield* sealer.update(piece)
  yield* sealer.final()
}

/** One age file written piece by piece, without waiting. What comes out, in order, is the file. */
export interface AgeSealer {
  header: Buffer
  /** The pieces are used up when the generator ended. */
  update(piece: Uint8Array): Generator<Buffer>
  final(): Generator<Buffer>
}

/** @throws SECRET_LOCKED on a malformed recipient */
export async function createAgeSealer(recipients: string[]): Promise<AgeSealer> {
  const { header, fileKey } = await sealHeader(recipients)
  const nonce = randomBytes(NONCE)
  const key = payloadKey(fileKey, nonce)
  const chunker = new Chunker(CHUNK)
  return {
    header: Buffer.concat([header, nonce]),
    *update(piece) {
      for (const chunk of chunker.add(piece)) yield* sealChunk(key, chunkNonce(chunker.index, false), chunk)
    },
    final: () => sealChunk(key, chunkNonce(chunker.index, true), chunker.rest()),
  }
}

/**
 * The plain bytes, each yielded only after its tag was checked; a truncated file fails at its end, so what was yielded before counts
 * only once the iteration ends well.
 * @throws SECRET_LOCKED when the identity is not among the recipients, DAMAGED when the bytes are not those that were written
 */
export async function* decryptAge(identity: Secret, sealed: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const { header, nonce, rest } = await splitHeader(sealed)
  const key = payloadKey(await openHeader(identity, header), nonce)
  const chunker = new Chunker(CHUNK + TAG)
  for await (const piece of rest) for (const chunk of chunker.add(piece)) yield openChunk(key, chunkNonce(chunker.index, false), chunk)
  const last = openChunk(key, chunkNonce(chunker.index, true), chunker.rest())
  if (last.length === 0 && chunker.index > 0) throw damaged('has an empty last chunk')
  yield last
}

const library = () => import('age-encryption')

/** The keys of an identity file: comments and empty lines are skipped, several keys are tried in turn. */
function keysIn(identity: Secret): string[] {
  const keys = identity
    .reveal()
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
  if (keys.length === 0) throw new FettleError('SECRET_LOCKED', 'the identity holds no key', { hint: 'Expected a line AGE-SECRET-KEY-1….' })
  return keys
}

async function sealHeader(recipients: string[]): Promise<{ header: Uint8Array; fileKey: Uint8Array }> {
  if (recipients.length === 0) throw new FettleError('SECRET_LOCKED', 'sealing an age file needs at least one recipient')
  const { Encrypter } = await library()
  const encrypter = new Encrypter()
  let fileKey: Uint8Array = new Uint8Array()
  try {
    for (const recipient of recipients) encrypter.addRecipient(recipient)
  } catch (cause) {
    throw new FettleError('SECRET_LOCKED', 'a recipient is no age public key', {
      cause,
      hint: 'A recipient looks like age1….',
      context: { recipients },
    })
  }
  // A recipient that adds no line to the header, only learns the file's key: the library has no other way to write a header alone.
  encrypter.addRecipient({
    wrapFileKey(key) {
      fileKey = key
      return []
    },
  })
  // A stream, for bytes become a Response in the library: Node would load all of its fetch for that, which takes longer than all else here.
  const empty = await buffer(await encrypter.encrypt(ReadableStream.from([])))
  return { header: empty.subarray(0, empty.length - NONCE - TAG), fileKey }
}

async function openHeader(identity: Secret, header: Uint8Array): Promise<Uint8Array> {
  const { Decrypter } = await library()
  const decrypter = new Decrypter()
  let matched = true
  try {
    for (const key of keysIn(identity)) decrypter.addIdentity(key)
  } catch (cause) {
    if (cause instanceof FettleError) throw cause
    throw new FettleError('SECRET_LOCKED', 'the identity is no age secret key', { hint: 'Expected a line AGE-SECRET-KEY-1….' })
  }
  // Asked last, only when no key before it fits: tells a wrong key from a damaged header without reading the library's messages.
  decrypter.addIdentity({
    unwrapFileKey() {
      matched = false
      return null
    },
  })
  try {
    return await decrypter.decryptHeader(header)
  } catch (cause) {
    if (matched) throw damaged('has a damaged header', cause)
    throw new FettleError('SECRET_LOCKED', 'the key does not open this age file', {
      hint: 'Give the identity of one of the recipients it was sealed for.',
    })
  }
}

/** The header ends with the line `--- <MAC>`; the payload begins with its nonce. */
async function splitHeader(sealed: AsyncIterable<Uint8Array>): Promise<{ header: Buffer; nonce: Buffer; rest: AsyncIterable<Uint8Array> }> {
  const iterator = sealed[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  for (;;) {
    const { value, done } = await iterator.next()
    if (done === true) throw damaged('ends in its header')
    head = Buffer.concat([head, value])
    const footer = head.indexOf('\n--- ')
    const end = footer < 0 ? 0 : head.indexOf('\n', footer + 1) + 1
    if (end > 0 && head.length >= end + NONCE) {
      const [header, nonce] = [head.subarray(0, end), head.subarray(end, end + NONCE)]
      return { header, nonce, rest: rejoin([head.subarray(end + NONCE)], iterator) }
    }
    if (head.length > LONGEST_HEADER && end === 0) throw damaged('has no age header')
  }
}

/** Cuts a stream into chunks. A full one at its end is held back until it is known not to be the last. */
class Chunker {
  /** Of the chunk that comes next. */
  index = 0
  readonly #waiting: Buffer
  #length = 0

  constructor(size: number) {
    this.#waiting = Buffer.allocUnsafeSlow(size)
  }

  /** The chunks that are complete; valid until the next call, and as long as the piece is. */
  *add(piece: Uint8Array): Generator<Buffer> {
    const size = this.#waiting.length
    let rest = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    while (this.#length + rest.length > size) {
      const taken = rest.subarray(0, size - this.#length)
      rest = rest.subarray(taken.length)
      // Only the chunk that two pieces share is copied.
      yield this.#length === 0 ? taken : this.#joined(taken)
      this.#length = 0
      this.index++
    }
    this.#length += rest.copy(this.#waiting, this.#length)
  }

  /** The last chunk, the only one that may be short, or empty. */
  rest(): Buffer {
    return this.#waiting.subarray(0, this.#length)
  }

  #joined(taken: Buffer): Buffer {
    taken.copy(this.#waiting, this.#length)
    return this.#waiting
  }
}

/** As a key object: made once, where bytes would be copied and checked for each chunk. */
const payloadKey = (fileKey: Uint8Array, nonce: Uint8Array): KeyObject =>
  createSecretKey(new Uint8Array(hkdfSync('sha256', fileKey, nonce, 'payload', 32)))

/** Nonce of STREAM: 11 bytes of counter, one byte that marks the last chunk. */
function chunkNonce(index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUIntBE(index, 5, 6)
  nonce[11] = last ? 1 : 0
  return nonce
}

/** Not joined with its tag: copying would cost a third of what sealing does. */
function* sealChunk(key: KeyObject, nonce: Buffer, chunk: Buffer): Generator<Buffer> {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG })
  yield cipher.update(chunk)
  cipher.final()
  yield cipher.getAuthTag()
}

function openChunk(key: KeyObject, nonce: Buffer, chunk: Buffer): Buffer {
  if (chunk.length < TAG) throw damaged('is truncated')
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG })
  decipher.setAuthTag(chunk.subarray(chunk.length - TAG))
  const plain = decipher.update(chunk.subarray(0, chunk.length - TAG))
  try {
    decipher.final()
  } catch (cause) {
    throw damaged('is truncated or changed', cause)
  }
  return plain
}

const damaged = (what: string, cause?: unknown) => new FettleError('DAMAGED', `the age file ${what}`, { cause })
