import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ErrorCode, FettleError } from '../../src/core/errors.ts'
import type { Secret } from '../../src/core/secret.ts'
import { createDirectoryRepository, type DirectoryOptions } from '../../src/drivers/repositories/directory/index.ts'
import { generateIdentity, recipientOf } from '../../src/lib/age.ts'
import type { Manifest, Repository, SnapshotName } from '../../src/ports/repository.ts'
import type { DumpOptions, SnapshotPart } from '../../src/ports/store.ts'

export interface TestRepository {
  repository: Repository
  folder: string
  identity: Secret
  recipient: string
  keyFile: string
}

/** A real repository in a temporary folder: quick enough that the layers above need no other. */
export async function testRepository(base: string, options: Partial<DirectoryOptions> = {}): Promise<TestRepository> {
  const identity = await generateIdentity()
  const recipient = await recipientOf(identity)
  const folder = join(base, 'repository')
  const keyFile = join(base, 'identity.txt')
  mkdirSync(base, { recursive: true })
  writeFileSync(keyFile, `${identity.reveal()}\n`, { mode: 0o600 })
  const repository = createDirectoryRepository({ folder, recipients: [recipient], identity: async () => identity, ...options })
  await repository.open()
  return { repository, folder, identity, recipient, keyFile }
}

/** As `manifestOf` names it. */
export const nameOf = (id: string): SnapshotName => ({ app: 'shop', environment: 'production', id })

export function manifestOf(id: string, parts: SnapshotPart[], changes: Partial<Manifest> = {}): Manifest {
  const head = { format: 1 as const, release: 'r1', label: 'by hand' }
  return { ...nameOf(id), ...head, takenAt: 1_700_000_000_000, skewMs: 0, parts, fettle: '0.0.0', how: [], ...changes }
}

/** What a dump is called with, when a test does not care. */
export function dumpOptions(scratch: string, changes: Partial<DumpOptions> = {}): DumpOptions {
  mkdirSync(scratch, { recursive: true })
  return { store: 'data', scratch, viewed: () => Date.now(), signal: new AbortController().signal, ...changes }
}

export async function collectBytes(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** For assert.rejects: a FettleError of this code. */
export const hasCode = (code: ErrorCode) => (error: unknown) => {
  if (error instanceof FettleError && error.code === code) return true
  throw error
}
