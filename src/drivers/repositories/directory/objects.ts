/** Objects: payload → zstd → age → file, and back. What `zstd -d` and `age -d` make of the file is the payload. */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FettleError, toFettleError } from '../../../core/errors.ts'
import type { Secret } from '../../../core/secret.ts'
import { decryptAge } from '../../../lib/age.ts'
import { fsyncFolder, makeFolder } from '../../../lib/files.ts'
import { expandFrames } from '../../../lib/zstd.ts'
import type { StoredObject } from '../../../ports/store.ts'
import type { FaultPoint, Layout } from './layout.ts'
import { seal } from './seal.ts'

const READ_SIZE = 1 << 20
export async function writeObject(
  layout: Layout,
  operation: string,
  recipients: string[],
  content: string,
  payload: AsyncIterable<Uint8Array>,
  fault: (point: FaultPoint) => Promise<void> | void,
): Promise<StoredObject> {
  const name = randomBytes(16).toString('hex')
  const path = layout.object(name)
  const temporary = `${path}.tmp`
  const plain = meter(false)
  try {
    await intend(layout, operation, name)
    await makeFolder(dirname(path), 0o700)
    const sealed = await seal(plain.pass(payload), temporary, recipients)
    await fault('object-written')
    await rename(temporary, path)
    await fsyncFolder(dirname(path))
    await fault('object-renamed')
    return { name, ...sealed, payloadBytes: plain.bytes(), content }
  } catch (error) {
    await rm(temporary, { force: true })
    throw toFettleError(error, `writing a ${content} to the repository ${layout.folder}`)
  }
}

/** Durable before the object is: what a crash leaves behind is known by the transaction's name. */
async function intend(layout: Layout, operation: string, name: string): Promise<void> {
  const folder = layout.transaction(operation)
  await (await open(join(folder, name), 'w')).close()
  await fsyncFolder(folder)
}

/** The payload. Fails with DAMAGED naming the object unless every byte is what was written. */
export async function* readObject(layout: Layout, object: StoredObject, identity: () => Promise<Secret>): AsyncGenerator<Buffer> {
  const key = await identity()
  let bytes = 0
  try {
    for await (const piece of expandFrames(decryptAge(key, storedBytes(layout, object)))) {
      bytes += piece.length
      yield piece
    }
  } catch (error) {
    // A changed header looks like one for another key: the hash of the stored bytes tells.
    for await (const _ of storedBytes(layout, object));
    if (error instanceof FettleError && error.code === 'SECRET_LOCKED') throw error
    await markDamaged(layout, object)
    throw damaged(object, error instanceof Error ? error.message : String(error), error)
  }
  if (bytes !== object.payloadBytes) throw damaged(object, `holds ${bytes} bytes instead of ${object.payloadBytes}`)
}

/** The bytes as they lie there, compared with size and hash at the end. */
export async function* storedBytes(layout: Layout, object: StoredObject): AsyncGenerator<Buffer> {
  const read = meter(true)
  try {
    yield* read.pass(createReadStream(layout.object(object.name), { highWaterMark: READ_SIZE }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damaged(object, 'is missing', error)
    throw error
  }
  const isWhole = read.bytes() === object.storedBytes
  if (isWhole && read.sha256() === object.sha256) return
  await markDamaged(layout, object)
  throw damaged(
    object,
    isWhole ? 'does not have the hash it was written with' : `has ${read.bytes()} bytes instead of ${object.storedBytes}`,
  )
}

/** The next backup must not refer to it again. Where that can not be written, no backup can be either. */
async function markDamaged(layout: Layout, object: StoredObject): Promise<void> {
  await writeFile(layout.damageMark(object.name), '').catch(() => {})
}

function meter(hashed: boolean) {
  const hash = createHash('sha256')
  let bytes = 0
  async function* pass(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
    for await (const piece of source) {
      bytes += piece.length
      if (hashed) hash.update(piece)
      yield piece as Buffer
    }
  }
  return { pass, bytes: () => bytes, sha256: () => hash.digest('hex') }
}

function damaged(object: StoredObject, what: string, cause?: unknown): FettleError {
  return new FettleError('DAMAGED', `stored object ${object.name} (${object.content}): ${what}`, {
    cause,
    context: { object: object.name },
    hint: 'Use another snapshot (`fettle snapshots`), and look after the disk this one lies on.',
  })
}
