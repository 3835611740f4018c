/**
 * Begins operations, brings every open one to an end (also those a dead agent left), and publishes what happens as one stream.
 * What belongs here: the life of operations. What does not: what any step does.
 */
import { FettleError } from '../core/errors.ts'
import type { Hide } from '../core/free-text.ts'
import { isOver, type OperationEvent, type OperationRecord, type Plan, planProblems } from '../core/plan.ts'
import type { Clock } from '../ports/clock.ts'
import { Execution } from './execute.ts'
import type { Journal } from './journal.ts'
import type { StepKinds } from './step.ts'
import { Interrupted, type StepDeps } from './step-runner.ts'

const LOOK_FOR_ROOM_MS = 1000
const LOOK_FOR_LEASE_MS = 250

export interface EngineOptions {
  journal: Journal
  kinds: StepKinds
  clock: Clock
  /** Hides secrets in everything that is journalled and published. */
  hide: Hide
  /** Called at every named point of a step; a crash test kills the agent in it. */
  fault(operation: OperationRecord, point: string): Promise<void>
  /** Plans that an ended operation brings about: a bake after a deploy, a rollback after a breach. */
  followUps(ended: OperationRecord): Promise<Plan[]>
  /** A bug or a failing journal: nobody else would hear of it. */
  onError(error: unknown): void
}

export class Engine {
  readonly #options: EngineOptions
  readonly #stop = new AbortController()
  readonly #running = new Map<string, { execution: Execution; ended: Promise<void> }>()
  /** Follow-ups whose resources another operation has. */
  readonly #waiting = new Set<Promise<void>>()
  readonly #listeners = new Set<(event: OperationEvent) => void>()

  constructor(options: EngineOptions) {
    this.#options = options
  }

  /** Goes on with what an earlier agent began, and makes up for follow-ups it did not live to begin. */
  async recover(): Promise<void> {
    for (const record of this.#options.journal.open()) this.#go(record)
    const known = this.#options.journal.list(50)
    const withFollowUp = new Set(known.map(record => record.plan.parent))
    for (const record of known) {
      if (record.state === 'done' && !withFollowUp.has(record.id)) await this.#followUp(record).catch(this.#options.onError)
    }
  }

  /** @throws FettleError BUSY, INTERNAL for a plan that is no plan */
  start(plan: Plan): OperationRecord {
    const problems = planProblems(plan)
    if (problems.length > 0) throw new FettleError('INTERNAL', `the plan can not be carried out: ${problems.join('; ')}`)
    const record = this.#options.journal.begin(plan, this.#options.clock.now())
    for (const event of this.#options.journal.events(record.id, 0)) this.#publish(event)
    this.#go(record)
    return record
  }

  /** Ends it as far as that is still possible; `insist` also breaks off what it would wait for. @throws FettleError REFUSED past the pivot, CONFLICT when it is over */
  cancel(id: string, insist = false): void {
    const running = this.#running.get(id)
    if (running === undefined) throw notRunning(this.#options.journal.get(id))
    running.execution.cancel(insist)
  }

  /** Tries a held operation again: forward past its pivot, else back. @throws FettleError CONFLICT when it is not held */
  resume(id: string, direction: 'forward' | 'back'): OperationRecord {
    const record = this.#options.journal.get(id)
    if (record.state !== 'held') throw new FettleError('CONFLICT', `${id} is ${record.state}, only a held operation is resumed`)
    if (direction === 'back' && record.crossedPivot)
      throw new FettleError('REFUSED', `${id} is past its point of no return: it can only go forward`)
    record.state = direction === 'forward' ? 'running' : 'undoing'
    delete record.error
    delete record.endedAt
    this.#record(record, { operation: record, event: { type: 'operation', state: record.state } })
    this.#go(record)
    return record
  }

  /** Past events, then new ones until the operation is over or the signal aborts. */
  async *follow(id: string, afterSeq: number, signal: AbortSignal): AsyncGenerator<OperationEvent> {
    const queue: OperationEvent[] = []
    let wake = () => {}
    const listener = (event: OperationEvent) => {
      if (event.operation !== id) return
      queue.push(event)
      wake()
    }
    this.#listeners.add(listener)
    signal.addEventListener('abort', () => wake(), { once: true })
    try {
      let last = afterSeq
      queue.unshift(...this.#options.journal.events(id, afterSeq))
      while (!signal.aborted) {
        for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
          if (event.type !== 'progress' && event.seq <= last) continue
          last = Math.max(last, event.seq)
          yield event
        }
        if (isOver(this.#options.journal.get(id).state)) return
        await new Promise<void>(resolve => {
          wake = resolve
          if (queue.length > 0 || signal.aborted) resolve()
        })
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  subscribe(listener: (event: OperationEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves with the record once the operation is over. */
  async ended(id: string): Promise<OperationRecord> {
    await this.#running.get(id)?.ended
    return this.#options.journal.get(id)
  }

  /** Resolves once all that has ended so far has begun what it brings about. */
  async settled(): Promise<void> {
    const over = [...this.#running].filter(([id]) => isOver(this.#options.journal.get(id).state))
    await Promise.all(over.map(([, { ended }]) => ended))
  }

  /** Lets go of everything; commands and services run on, the next agent adopts them. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.allSettled([...this.#waiting, ...[...this.#running.values()].map(running => running.ended)])
  }

  #go(record: OperationRecord): void {
    const running = { execution: this.#execution(record), ended: Promise.resolve() }
    this.#running.set(record.id, running)
    running.ended = this.#toItsEnd(running, record.id)
      .catch(error => {
        if (!(error instanceof Interrupted)) this.#options.onError(error)
      })
      .finally(() => this.#running.delete(record.id))
  }

  #execution(record: OperationRecord): Execution {
    const deps: StepDeps = {
      kinds: this.#options.kinds,
      holder: resource => this.#options.journal.holder(resource)?.id,
      requireReserve: () => this.#options.journal.requireReserve(),
      clock: this.#options.clock,
      hide: text => this.#options.hide(text, record.plan.app),
      record: change => this.#record(record, change),
      fault: point => this.#options.fault(record, point),
    }
    return new Execution(record, deps, this.#stop.signal)
  }

  /** A journal without room stops the work, not the operation: that goes on from what was recorded once there is room, as after a crash. */
  async #toItsEnd(running: { execution: Execution }, id: string): Promise<void> {
    const { journal, clock, fault, onError } = this.#options
    for (let told = false; ; told = true) {
      try {
        await running.execution.toItsEnd()
        break
      } catch (error) {
        if (!(error instanceof FettleError) || error.code !== 'DISK_FULL') throw error
        if (!told) onError(error)
      }
      await clock.sleep(LOOK_FOR_ROOM_MS, this.#stop.signal).catch(() => {
        throw new Interrupted()
      })
      running.execution = this.#execution(journal.get(id))
    }
    const ended = journal.get(id)
    await fault(ended, 'ended')
    await this.#followUp(ended)
  }

  /** Begins what an ended operation brings about, now or when those are done who have what it needs. */
  async #followUp(ended: OperationRecord): Promise<void> {
    try {
      for (const plan of await this.#options.followUps(ended)) this.start({ ...plan, parent: ended.id })
    } catch (error) {
      if (!(error instanceof FettleError) || error.code !== 'BUSY') throw error
      const later = this.#followUpLater(ended).finally(() => this.#waiting.delete(later))
      this.#waiting.add(later)
    }
  }

  async #followUpLater(ended: OperationRecord): Promise<void> {
    const isStopping = await this.#options.clock.sleep(LOOK_FOR_LEASE_MS, this.#stop.signal).then(
      () => false,
      () => true,
    )
    if (!isStopping) await this.#followUp(ended).catch(this.#options.onError)
  }

  #record(record: OperationRecord, change: Parameters<StepDeps['record']>[0]): void {
    const { journal, clock } = this.#options
    if (change.event?.type === 'progress') {
      this.#publish({ seq: journal.lastSeq, operation: record.id, at: clock.now(), ...change.event })
      return
    }
    const event = journal.transaction(() => {
      if (change.step !== undefined) journal.saveStep(record.id, change.step)
      if (change.operation !== undefined) journal.saveOperation(change.operation)
      return change.event === undefined ? undefined : journal.addEvent(record.id, clock.now(), change.event)
    })
    if (event !== undefined) this.#publish(event)
  }

  #publish(event: OperationEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function notRunning({ id, state, crossedPivot }: OperationRecord): FettleError {
  const back = crossedPivot ? '' : `, \`fettle operations resume ${id} --back\` undoes what it did`
  const hint = `\`fettle operations show ${id}\` says why; \`fettle operations resume ${id}\` tries again${back}.`
  return new FettleError('CONFLICT', `${id} is ${state}, there is nothing to cancel`, state === 'held' ? { hint } : {})
}
