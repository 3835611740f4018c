/**
 * The database of the journal: SQLite with WAL and synchronous=FULL, locked exclusively. That lock is what makes the agent the
 * single writer of its host: a second agent is refused, and the lock is free at once when the first dies.
 */
import { chmodSync, closeSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { FettleError, FREE_SPACE } from '../core/errors.ts'
import { refuseNewer } from '../core/file-format.ts'
import { quote } from '../lib/quote.ts'
import { Reserve } from './reserve.ts'

const FORMAT = 1
const SCHEMA = `
  create table meta (key text primary key, value text not null) strict;
  create table operations (
    number integer primary key, id text not null unique, state text not null, plan text not null, crossed_pivot integer not null default 0,
    cancelled integer not null default 0, error text, created_at integer not null, ended_at integer) strict;
  create table steps (
    operation text not null, id text not null, body text not null, primary key (operation, id)) strict, without rowid;
  create table leases (resource text primary key, operation text not null) strict, without rowid;
  create table events (seq integer primary key autoincrement, operation text not null, at integer not null, body text not null) strict;
  create index events_of on events (operation, seq);
`

/** What an extended error code is one of. */
const PRIMARY = 0xff
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26
const hasCode = (error: unknown, code: number): boolean =>
  error instanceof Error && 'errcode' in error && (Number(error.errcode) & PRIMARY) === code
const isFull = (error: unknown): boolean => hasCode(error, SQLITE_FULL)

/** @throws FettleError BUSY for a database that another agent has locked, DAMAGED for what is none */
function alone<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (hasCode(error, SQLITE_CORRUPT) || hasCode(error, SQLITE_NOTADB)) throw damaged(path, (error as Error).message, error)
    if (!hasCode(error, SQLITE_BUSY)) throw error
    throw new FettleError('BUSY', `another agent works with ${path}`, {
      cause: error,
      hint: 'One agent a home: `fettle status` talks to the one that runs.',
    })
  }
}

/** All files of it, for what is left of its WAL would be read into a new one. */
function damaged(path: string, how: string, cause?: unknown): FettleError {
  const aside = quote(join(dirname(path), 'damaged-journal'))
  return new FettleError('DAMAGED', `the journal ${path} is damaged: ${how}`, {
    cause,
    hint:
      `Services go on. \`mkdir -p ${aside} && mv ${quote(path)}* ${aside}/\`, then \`fettle agent start\`: it begins a new journal. ` +
      'Releases, data and snapshots stay; the list of past operations is lost.',
  })
}

export class JournalDatabase {
  readonly #path: string
  readonly #db: DatabaseSync
  readonly #reserve: Reserve
  /** An operation ended, so what it gave up of the reserve may be free again. */
  #isReserveDue = false

  /** @throws FettleError BUSY when another agent holds it, VERSION when a newer fettle wrote it, DAMAGED */
  constructor(path: string, firstNumber: number) {
    this.#path = path
    // SQLite gives its other files the mode of this one.
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
    this.#db = new DatabaseSync(path, { timeout: 0 })
    this.#reserve = new Reserve(`${path}-reserve`)
    try {
      const version = this.#withRoom(() => this.#known(path))
      this.#withRoom(() => this.#lock(path))
      if (version < FORMAT) this.#withRoom(() => this.#migrate(firstNumber))
      else this.#check(path)
    } catch (error) {
      this.#db.close()
      throw error
    }
    this.#reserve.keep()
  }

  /** Looks before it touches: a newer journal stays as it is. @returns its format, 0 when there is none yet */
  #known(path: string): number {
    const version = alone(path, () => {
      // Before it reads: else SQLite keeps its index of the WAL in a file, for which a full disk has no room.
      this.#db.exec('pragma locking_mode = exclusive')
      return (this.#db.prepare('pragma user_version').get() as { user_version: number }).user_version
    })
    refuseNewer(version, FORMAT, `the journal ${path}`)
    return version
  }

  #lock(path: string): void {
    alone(path, () => {
      this.#db.exec('pragma journal_mode = wal; pragma synchronous = full; begin immediate; commit')
    })
  }

  /** Whole before anything is decided by it: a page that is first read in the middle of an operation would be too late. */
  #check(path: string): void {
    const [first] = alone(path, () => this.#db.prepare('pragma quick_check(1)').all()) as { quick_check: string }[]
    if (first?.quick_check !== 'ok') throw damaged(path, first?.quick_check ?? 'it can not be checked')
  }

  #migrate(firstNumber: number): void {
    this.#db.exec(`begin; ${SCHEMA} insert into meta values ('first-number', '${firstNumber}'); pragma user_version = 1; commit`)
  }

  close(): void {
    this.#db.close()
  }

  /** All or nothing, one fsync. @throws FettleError DISK_FULL */
  transaction<T>(work: () => T): T {
    const result = this.#withRoom(() => {
      this.#db.exec('begin immediate')
      const result = work()
      this.#db.exec('commit')
      return result
    })
    // Not before the commit, which may need the very space.
    if (this.#isReserveDue) this.#reserve.keep()
    this.#isReserveDue = false
    return result
  }

  /** On a full disk it takes the reserve. @throws FettleError DISK_FULL when that is gone too */
  #withRoom<T>(work: () => T): T {
    for (;;) {
      try {
        return work()
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('rollback')
        if (!isFull(error)) throw error
        if (this.#reserve.giveUp()) continue
        throw new FettleError('DISK_FULL', 'the journal has no room on its disk', {
          cause: error,
          hint: 'Free some space: `fettle doctor` shows what fettle uses.',
        })
      }
    }
  }

  /**
   * Before work that needs room itself: it would take what was given up, and then nothing could say how it failed, or undo it.
   * @throws FettleError DISK_FULL
   */
  requireReserve(): void {
    if (this.#reserve.keep()) return
    throw new FettleError('DISK_FULL', `the disk of ${this.#path} is full: what is left of it is kept to undo with`, {
      hint: FREE_SPACE,
    })
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql)
  }

  /** The reserve is filled up again after the next transaction. */
  refillReserve(): void {
    this.#isReserveDue = true
  }
}
