import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { chmod, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { backup, type DatabaseSync } from 'node:sqlite'
import { pipeline } from 'node:stream/promises'
import { FettleError } from '../../../core/errors.ts'
import { exists, fsyncFolder, makeFolder } from '../../../lib/files.ts'
import type { DumpOptions, Fingerprint, LoadOptions, Loss, Sink, SnapshotPart, Source } from '../../../ports/store.ts'
import { lostRows } from './changed.ts'
import { checkIntegrity } from './check.ts'
import { databasePath, type SqliteConfig } from './config.ts'
import { fingerprintOf } from './fingerprint.ts'
import { openCopy, openView, realDatabase, sqliteError, tidyAfterView } from './open.ts'
import { contentTables, virtualTables } from './scan.ts'

export const CONTENT = 'sqlite-database'
/** One step: with smaller ones SQLite starts again whenever another process writes, and may never end. */
const ALL_PAGES = 2 ** 31 - 1
const READ_SIZE = 1 << 20

export async function create(folder: string, config: SqliteConfig): Promise<void> {
  const path = databasePath(folder, config)
  await makeFolder(dirname(path))
  // SQLite takes an empty file for an empty database.
  await (await open(path, 'a', 0o600)).close()
}

export async function dump(folder: string, config: SqliteConfig, sink: Sink, options: DumpOptions): Promise<SnapshotPart> {
  const path = databasePath(folder, config)
  const copy = join(options.scratch, `${options.store}.sqlite-copy`)
  await rm(copy, { force: true })
  const takenAt = await copyDatabase(path, copy, options)
  try {
    const bytes = await sha256Of(copy)
    const { mode } = await stat(path)
    const hints = { bytes, mode: mode & 0o777 }
    const head = { store: options.store, driver: 'sqlite', takenAt, hints }
    const { previous } = options
    // The same bytes have the same fingerprint: nothing to write, nothing to compute.
    if (previous?.hints?.bytes === bytes) return { ...previous, ...head, reused: true }
    const [object, { fingerprint, notes }] = await Promise.all([
      sink.write(CONTENT, createReadStream(copy, { highWaterMark: READ_SIZE })),
      inspectCopy(copy, options.signal),
    ])
    return { ...head, objects: [object], fingerprint, reused: false, ...(notes.length > 0 && { notes }) }
  } finally {
    await rm(copy, { force: true })
  }
}

export async function load(part: SnapshotPart, source: Source, folder: string, config: SqliteConfig, options: LoadOptions): Promise<void> {
  const path = databasePath(folder, config)
  if (await exists(path)) throw new FettleError('CONFLICT', `${path} is there already: a snapshot is loaded into an empty folder only`)
  await makeFolder(dirname(path))
  await loadFile(part, source, path, options)
}

export async function fingerprint(folder: string, config: SqliteConfig, signal: AbortSignal): Promise<Fingerprint> {
  const path = realDatabase(databasePath(folder, config))
  const wasOpen = existsSync(`${path}-shm`)
  const found = await withDatabase(openView(path), database => fingerprintOf(database, signal), `reading the database ${path}`)
  if (!wasOpen) tidyAfterView(path)
  return found
}

export async function changedSince(
  part: SnapshotPart,
  source: Source,
  folder: string,
  config: SqliteConfig,
  options: { scratch: string; signal: AbortSignal },
): Promise<Loss> {
  const path = databasePath(folder, config)
  const copy = join(options.scratch, `${part.store}.sqlite-before`)
  await rm(copy, { force: true })
  await loadFile(part, source, copy, { durable: false, signal: options.signal })
  try {
    return await withDatabase(openCopy(copy), before => lossOf(path, before, options.signal), 'reading the snapshot')
  } finally {
    await rm(copy, { force: true })
  }
}

async function lossOf(path: string, before: DatabaseSync, signal: AbortSignal): Promise<Loss> {
  try {
    return await withDatabase(openView(path), now => lostRows(now, before, signal), `reading the database ${path}`)
  } catch (error) {
    if (error instanceof FettleError && error.code === 'NOT_FOUND') return { items: {}, precision: 'exact' }
    if (error instanceof FettleError && error.code === 'DAMAGED') return { items: {}, precision: 'unknown' }
    throw error
  }
}

/** Copies by SQLite's own backup, from a view held for no longer than that; with a rollback journal, writers wait meanwhile. */
async function copyDatabase(path: string, copy: string, { viewed, signal }: DumpOptions): Promise<number> {
  signal.throwIfAborted()
  return withDatabase(
    openView(path),
    async database => {
      const takenAt = viewed()
      await backup(database, copy, { rate: ALL_PAGES })
      return takenAt
    },
    `copying the database ${path}`,
  )
}

async function inspectCopy(copy: string, signal: AbortSignal): Promise<{ fingerprint: Fingerprint; notes: string[] }> {
  const inspect = async (database: DatabaseSync) => ({
    fingerprint: await fingerprintOf(database, signal),
    notes: [
      ...virtualTables(database).map(name => `virtual table ${name}: its shadow tables are covered, content outside the database is not`),
      ...contentTables(database).closed.map(({ name }) => `table ${name}: backed up, but only the app can read it, so it is not compared`),
    ],
  })
  return withDatabase(openCopy(copy), inspect, 'reading the copy of the database')
}

async function loadFile(part: SnapshotPart, source: Source, path: string, { durable, signal }: LoadOptions): Promise<void> {
  const [object] = part.objects
  if (object === undefined || object.content !== CONTENT)
    throw new FettleError('DAMAGED', `store ${part.store}: expected one object with a ${CONTENT}, found ${object?.content ?? 'none'}`)
  const temporary = `${path}.loading`
  try {
    await pipeline(source.read(object), createWriteStream(temporary, { mode: 0o600, flush: durable }), { signal })
    checkIntegrity(temporary, part.store)
    if (typeof part.hints?.mode === 'number') await chmod(temporary, part.hints.mode)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  if (durable) await fsyncFolder(dirname(path))
}

async function withDatabase<Result>(
  database: DatabaseSync,
  use: (database: DatabaseSync) => Promise<Result>,
  tried: string,
): Promise<Result> {
  try {
    return await use(database)
  } catch (error) {
    throw sqliteError(error, tried)
  } finally {
    database.close()
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path, { highWaterMark: READ_SIZE })) hash.update(piece as Buffer)
  return hash.digest('hex')
}
