/**
 * The journal: what was decided and how far it got, in SQLite with WAL and synchronous=FULL, locked exclusively. That lock is what
 * makes the agent the single writer of its host: a second agent is refused, and the lock is free at once when the first dies.
 */
import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { FettleError } from '../core/errors.ts'
import { refuseNewer } from '../core/file-format.ts'
import type { EventBody, OperationEvent, OperationRecord, OperationState, Plan, StepRecord } from '../core/plan.ts'
import { Reserve } from './reserve.ts'

const FORMAT = 1
/** Newest ones. An operation goes with its steps and events, and only when it is over. */
const OPERATIONS_KEPT = 1000
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

interface OperationRow {
  number: number
  id: string
  state: OperationState
  plan: string
  crossed_pivot: number
  cancelled: number
  error: string | null
  created_at: number
  ended_at: number | null
}

const SQLITE_BUSY = 5
const SQLITE_FULL = 13
const hasCode = (error: unknown, code: number): boolean => error instanceof Error && 'errcode' in error && error.errcode === code
const isFull = (error: unknown): boolean => hasCode(error, SQLITE_FULL)

/** @throws FettleError BUSY for a database that another agent has locked */
function alone<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!hasCode(error, SQLITE_BUSY)) throw error
    throw new FettleError('BUSY', `another agent works with ${path}`, {
      cause: error,
      hint: 'One agent a home: `fettle status` talks to the one that runs.',
    })
  }
}

export class Journal {
  readonly #db: DatabaseSync
  readonly #reserve: Reserve
  readonly #keep: number
  #lastSeq = 0
  /** An operation ended, so what it gave up of the reserve may be free again. */
  #isReserveDue = false

  /** @throws FettleError BUSY when another agent holds it, VERSION when a newer fettle wrote it */
  constructor(path: string, options: { firstNumber: number; keep?: number }) {
    this.#keep = options.keep ?? OPERATIONS_KEPT
    // SQLite gives its other files the mode of this one.
    closeSync(openSync(path, 'a', 0o600))
    chmodSync(path, 0o600)
    this.#db = new DatabaseSync(path, { timeout: 0 })
    this.#reserve = new Reserve(`${path}-reserve`)
    try {
      const version = this.#withRoom(() => this.#known(path))
      this.#withRoom(() => this.#lock(path))
      if (version < FORMAT) this.#withRoom(() => this.#migrate(options.firstNumber))
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

  /** Records a new operation, with its first event, and takes its leases. @throws FettleError BUSY naming the holder */
  begin(plan: Plan, at: number): OperationRecord {
    return this.transaction(() => {
      for (const resource of plan.leases) this.#refuseWhenLeased(resource, plan)
      const first = Number((this.#db.prepare("select value from meta where key = 'first-number'").get() as { value: string }).value)
      const last = this.#db.prepare('select max(number) as number from operations').get() as { number: number | null }
      const number = (last.number ?? first - 1) + 1
      const id = `op${number}`
      this.#forgetBefore(number - this.#keep)
      this.#db
        .prepare('insert into operations (number, id, state, plan, created_at) values (?, ?, ?, ?, ?)')
        .run(number, id, 'running', JSON.stringify(plan), at)
      for (const step of plan.steps) this.saveStep(id, { id: step.id, state: 'waiting', attempt: 0, adopted: false })
      for (const resource of plan.leases) this.#db.prepare('insert into leases values (?, ?)').run(resource, id)
      this.addEvent(id, at, { type: 'operation', state: 'running' })
      return this.get(id)
    })
  }

  /** Which operation has a resource to itself now, one that is held included. */
  holder(resource: string): OperationRecord | undefined {
    const lease = this.#db.prepare('select operation from leases where resource = ?').get(resource) as { operation: string } | undefined
    return lease === undefined ? undefined : this.get(lease.operation)
  }

  #refuseWhenLeased(resource: string, plan: Plan): void {
    const holder = this.holder(resource)
    if (holder === undefined) return
    const hint =
      holder.state === 'held'
        ? `\`fettle operations show ${holder.id}\` says why it is held and what to do; \`fettle operations resume ${holder.id}\` tries again.`
        : `\`fettle operations follow ${holder.id}\` shows it; \`fettle operations cancel ${holder.id}\` ends it.`
    throw new FettleError('BUSY', `${plan.kind} of ${resource} can not begin: ${holder.plan.kind} ${holder.id} is ${holder.state} there`, {
      hint,
      context: { operation: holder.id, resource },
    })
  }

  saveStep(operation: string, step: StepRecord): void {
    this.#db.prepare('insert or replace into steps values (?, ?, ?)').run(operation, step.id, JSON.stringify(step))
  }

  saveOperation(record: OperationRecord): void {
    this.#db
      .prepare('update operations set state = ?, crossed_pivot = ?, cancelled = ?, error = ?, ended_at = ? where id = ?')
      .run(
        record.state,
        Number(record.crossedPivot),
        Number(record.cancelled),
        record.error === undefined ? null : JSON.stringify(record.error),
        record.endedAt ?? null,
        record.id,
      )
    if (record.state !== 'done' && record.state !== 'undone') return
    this.#db.prepare('delete from leases where operation = ?').run(record.id)
    this.#isReserveDue = true
  }

  /** One that is open or held stays, however old it is. */
  #forgetBefore(number: number): void {
    const old = this.#db.prepare("select id from operations where number <= ? and state in ('done', 'undone')").all(number)
    for (const { id } of old as { id: string }[]) {
      for (const table of ['steps', 'events']) this.#db.prepare(`delete from ${table} where operation = ?`).run(id)
      this.#db.prepare('delete from operations where id = ?').run(id)
    }
  }

  addEvent(operation: string, at: number, body: EventBody): OperationEvent {
    const { lastInsertRowid } = this.#db
      .prepare('insert into events (operation, at, body) values (?, ?, ?)')
      .run(operation, at, JSON.stringify(body))
    const seq = Number(lastInsertRowid)
    this.#lastSeq = seq
    return { seq, operation, at, ...body }
  }

  /** Of the newest event that this agent wrote. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  events(operation: string, afterSeq: number): OperationEvent[] {
    const rows = this.#db.prepare('select seq, at, body from events where operation = ? and seq > ? order by seq').all(operation, afterSeq)
    return rows.map(row => {
      const { seq, at, body } = row as { seq: number; at: number; body: string }
      return { seq, operation, at, ...(JSON.parse(body) as EventBody) }
    })
  }

  /** @throws FettleError NOT_FOUND */
  get(id: string): OperationRecord {
    const row = this.#db.prepare('select * from operations where id = ?').get(id) as OperationRow | undefined
    if (row === undefined) throw new FettleError('NOT_FOUND', `there is no operation ${id}`, { hint: '`fettle operations` lists them.' })
    return this.#record(row)
  }

  /** Newest first. */
  list(limit: number, { app, environment }: { app?: string; environment?: string } = {}): OperationRecord[] {
    const named = `(?1 is null or plan ->> '$.app' = ?1) and (?2 is null or plan ->> '$.environment' = ?2)`
    const rows = this.#db.prepare(`select * from operations where ${named} order by number desc limit ?3`)
    return rows.all(app ?? null, environment ?? null, limit).map(row => this.#record(row as unknown as OperationRow))
  }

  /** Those that run, are undone or are held; newest first. */
  unended(): OperationRecord[] {
    const rows = this.#db.prepare("select * from operations where state in ('running', 'undoing', 'held') order by number desc").all()
    return rows.map(row => this.#record(row as unknown as OperationRow))
  }

  /** Oldest first: those that an agent must bring to an end. */
  open(): OperationRecord[] {
    const rows = this.#db.prepare("select * from operations where state in ('running', 'undoing') order by number").all()
    return rows.map(row => this.#record(row as unknown as OperationRow))
  }

  /** Not over, or held: what bears its name is still wanted. */
  isOpen(id: string): boolean {
    return this.#db.prepare("select 1 from operations where id = ? and state in ('running', 'undoing', 'held')").get(id) !== undefined
  }

  #record(row: OperationRow): OperationRecord {
    const plan = JSON.parse(row.plan) as Plan
    const rows = this.#db.prepare('select body from steps where operation = ?').all(row.id) as { body: string }[]
    const steps = new Map(rows.map(step => JSON.parse(step.body) as StepRecord).map(step => [step.id, step]))
    return {
      id: row.id,
      plan,
      state: row.state,
      crossedPivot: row.crossed_pivot === 1,
      cancelled: row.cancelled === 1,
      steps: plan.steps.map(step => steps.get(step.id) ?? { id: step.id, state: 'waiting', attempt: 0, adopted: false }),
      ...(row.error === null ? {} : { error: JSON.parse(row.error) }),
      createdAt: row.created_at,
      ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    }
  }
}
