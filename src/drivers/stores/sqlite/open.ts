/** How databases are opened: live ones without leaving a trace, our own copies without even a lock. */
import { existsSync, realpathSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { FettleError } from '../../../core/errors.ts'
import { butThereIs } from '../../../lib/what-is-there.ts'

/** SQLITE_ERROR, of a statement that is sound: a function, collation or module that only the app brings. */
export const NEEDS_THE_APP = 1
const NOT_A_DATABASE = 26
const CORRUPT = 11
const READONLY = 8
const CANT_OPEN = 14
const BUSY = 5
/** The file or its folder may not be read, or not be written where SQLite has to. */
const CLOSED: (number | undefined)[] = [READONLY, CANT_OPEN]
/** How long a view waits for a writer that holds the lock: one that writes all the time leaves it free for moments only. */
const BUSY_TIMEOUT_MS = 60_000

/** SQLite's primary result code, when the error is SQLite's own. */
export function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

/** Where the file lies that a link may lead to: there SQLite keeps -wal and -shm. @throws NOT_FOUND when it is no file */
export function realDatabase(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return realpathSync(path)
  throw new FettleError('NOT_FOUND', `there is no database ${path}${butThereIs(path)}`, {
    hint: 'Check the file name in the store of fettle.yaml.',
  })
}

/**
 * Opens a live database and fixes a view of it: everything read through the connection is of this moment.
 * @throws NOT_FOUND, DAMAGED, BUSY, REFUSED when its user may not
 */
export function openView(path: string): DatabaseSync {
  const real = realDatabase(path)
  try {
    return recoveredView(real)
  } catch (error) {
    if (!CLOSED.includes(sqliteCode(error))) throw sqliteError(error, `reading the database ${path}`)
    throw new FettleError('REFUSED', `reading the database ${path}: ${(error as Error).message}`, {
      cause: error,
      hint: `Let the user that fettle runs as read it, and write it and its folder: with a WAL, or after a writer that died, SQLite has to.`,
    })
  }
}

/** Opens a copy that nobody writes: no lock, no -wal or -shm beside it. */
export function openCopy(path: string): DatabaseSync {
  const url = pathToFileURL(path)
  url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true })
}

/** A view leaves -wal and -shm beside the database. The last to close it for writing takes them away, SQLite itself sees to that. */
export function tidyAfterView(path: string): void {
  if (!existsSync(`${path}-shm`)) return
  const database = new DatabaseSync(path)
  try {
    database.exec('SELECT count(*) FROM sqlite_schema')
  } catch (error) {
    if (sqliteCode(error) !== BUSY) throw error // somebody works with it: they are theirs by now
  } finally {
    database.close()
  }
}

const WHEN_DAMAGED =
  'Restore it: `fettle snapshots` lists what there is. Without a snapshot, `sqlite3 FILE .recover` saves what can still be read.'

export function sqliteError(error: unknown, tried: string, whenDamaged = WHEN_DAMAGED): unknown {
  const code = sqliteCode(error)
  if (code === BUSY)
    return new FettleError('BUSY', `${tried}: a writer kept it locked for ${BUSY_TIMEOUT_MS / 1000} s`, {
      cause: error,
      hint: 'With `pragma journal_mode = wal` readers and writers do not wait for each other.',
    })
  if (code !== NOT_A_DATABASE && code !== CORRUPT) return error
  return new FettleError('DAMAGED', `${tried}: ${(error as Error).message}`, {
    cause: error,
    hint: whenDamaged,
  })
}

/** A hot journal, or the WAL of a writer that died: SQLite must be allowed to write in order to recover it. */
function recoveredView(path: string): DatabaseSync {
  try {
    return viewOf(path, true)
  } catch (error) {
    if (sqliteCode(error) === READONLY || sqliteCode(error) === CANT_OPEN) return viewOf(path, false)
    throw error
  }
}

function viewOf(path: string, readOnly: boolean): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS })
  try {
    database.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}
