/** The journal: what was decided and how far it got. One writer; each change is one transaction. */
import { FettleError } from '../core/errors.ts'
import type { EventBody, OperationEvent, OperationRecord, OperationState, Plan, StepRecord } from '../core/plan.ts'
import { JournalDatabase } from './journal-database.ts'

/** Newest ones. An operation goes with its steps and events, and only when it is over. */
const OPERATIONS_KEPT = 1000

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

export class Journal {
  readonly #db: JournalDatabase
  readonly #keep: number
  #lastSeq = 0

  /** @throws FettleError BUSY when another agent holds it, VERSION when a newer fettle wrote it */
  constructor(path: string, options: { firstNumber: number; keep?: number }) {
    this.#keep = options.keep ?? OPERATIONS_KEPT
    this.#db = new JournalDatabase(path, options.firstNumber)
  }

  close(): void {
    this.#db.close()
  }

  /** All or nothing, one fsync. @throws FettleError DISK_FULL */
  transaction<T>(work: () => T): T {
    return this.#db.transaction(work)
  }

  /** To be called before a step that can still be undone. @throws FettleError DISK_FULL when there is no room to undo it with */
  requireReserve(): void {
    this.#db.requireReserve()
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
    this.#db.refillReserve()
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
