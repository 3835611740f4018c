/** One step of an operation: observed, converged, tried again where that may help, taken back. */
import { type ErrorCode, FettleError, toFettleError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { bindInput, type OperationRecord, type PlannedStep } from '../core/plan.ts'
import type { BookDeps, OperationBook } from './book.ts'
import { SilenceWatch } from './silence.ts'
import type { StepContext, StepKind, StepKinds } from './step.ts'

/** After the pivot a failing step is tried again this often, waiting twice as long each time, before the operation is held. */
const FORWARD_TRIES = 4
const UNDO_TRIES = 3
const FIRST_WAIT_MS = 250

export interface StepDeps extends BookDeps {
  kinds: StepKinds
  /** The id of the operation that holds a lease. */
  holder(resource: string): string | undefined
  /** @throws FettleError DISK_FULL when there is no room to undo with */
  requireReserve(): void
  /** `begin`, `step-id:before`, `step-id:name`, `step-id:after`, `step-id:undo`, `step-id:undone`: a crash test kills the agent here. */
  fault(point: string): Promise<void>
}

/** Trying again does not change these; for a pivot they also mean that it did not happen. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'HELD',
  'LOST',
  'CONFLICT',
  'REFUSED',
  'CANCELLED',
  'SECRET_MISSING',
  'SECRET_LOCKED',
  'VERSION',
])

/** Why the work on an operation ended while the operation itself is not over: the agent stops, the next one goes on. */
export class Interrupted extends Error {}

export interface StepSignals {
  /** The agent stops; the next one goes on. */
  stop: AbortSignal
  cancel: AbortSignal
  /** The cancel insists. */
  insist: AbortSignal
}

export class StepRunner {
  readonly #operation: OperationRecord
  readonly #book: OperationBook
  readonly #deps: StepDeps
  readonly #signals: StepSignals
  /** By step: told of each sign of life. */
  readonly #silences = new Map<string, SilenceWatch>()
  /** By step: what it tells once it is done. */
  readonly #told = new Map<string, string>()

  constructor(operation: OperationRecord, book: OperationBook, deps: StepDeps, signals: StepSignals) {
    this.#operation = operation
    this.#book = book
    this.#deps = deps
    this.#signals = signals
  }

  /** @throws FettleError when it can not be done; Interrupted when the agent stops */
  async run(step: PlannedStep): Promise<void> {
    const kind = this.kind(step)
    const tries = this.#operation.crossedPivot || step.pivot ? FORWARD_TRIES : 1
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(step, kind)
      } catch (thrown) {
        if (this.#signals.stop.aborted) throw new Interrupted()
        const error = toFettleError(thrown, step.title)
        const isFinal = FINAL.has(error.code)
        this.#book.saveStep(step.id, { state: 'failed', error: this.#book.told(error), endedAt: this.#deps.clock.now(), note: undefined })
        if (isFinal) throw error
        if (attempt >= tries) throw step.pivot && (await this.#mayHaveHappened(step, kind)) ? this.#held(step, error.message) : error
        await this.#deps.clock.sleep(FIRST_WAIT_MS * 2 ** (attempt - 1), this.#signals.stop)
      }
    }
  }

  async #attempt(step: PlannedStep, kind: StepKind<never, Json>): Promise<void> {
    const record = this.#book.step(step.id)
    this.#book.saveStep(step.id, { state: 'running', attempt: record.attempt + 1, startedAt: this.#deps.clock.now(), error: undefined })
    const input = this.#input(step, kind)
    const context = this.#context(step, kind)
    const silence = new SilenceWatch(this.#deps.clock, kind.silentForMs, this.#signals.stop, silentMs => {
      this.#deps.record({ event: { type: 'stuck', step: step.id, silentMs } })
    })
    this.#silences.set(step.id, silence)
    try {
      const { output, isPresent } = await this.#converge(step, kind, input, context)
      if (step.pivot) this.#operation.crossedPivot = true
      this.#book.saveStep(step.id, {
        state: 'done',
        output: this.#book.toldOutput(output),
        adopted: isPresent,
        endedAt: this.#deps.clock.now(),
        note: this.#told.get(step.id),
      })
    } finally {
      silence.stop()
      this.#silences.delete(step.id)
    }
  }

  async #converge(
    step: PlannedStep,
    kind: StepKind<never, Json>,
    input: never,
    context: StepContext,
  ): Promise<{ output: Json; isPresent: boolean }> {
    const observed = await kind.observe(input, context)
    if (observed === 'foreign') throw this.#held(step, 'something that fettle did not make is in its place')
    if (observed === 'unknown') throw this.#held(step, 'what became of it can not be found out')
    if (typeof observed === 'object') return { output: observed.present, isPresent: true }
    if (!step.pivot && !this.#operation.crossedPivot) this.#deps.requireReserve()
    await this.#deps.fault(`${step.id}:before`)
    const output = await kind.run(input, context)
    await this.#deps.fault(`${step.id}:after`)
    return { output, isPresent: false }
  }

  /** A pivot that failed in an unclear way: undoing would take away what serves, where only its answer was lost. */
  #mayHaveHappened(step: PlannedStep, kind: StepKind<never, Json>): Promise<boolean> {
    return kind.observe(this.#input(step, kind), this.#context(step, kind)).then(
      observed => observed !== 'absent',
      () => true,
    )
  }

  async undo(step: PlannedStep): Promise<void> {
    const kind = this.kind(step)
    const undo = kind.undo
    if (undo === 'impossible') throw this.#held(step, 'it can not be undone')
    delete this.#book.step(step.id).note // of what it had done
    if (undo === 'nothing') return this.#book.saveUndone(step.id)
    this.#book.saveStep(step.id, { state: 'undoing' })
    await this.#deps.fault(`${step.id}:undo`)
    for (let attempt = 1; ; attempt++) {
      try {
        const input = this.#inputForUndo(step, kind)
        if (input !== undefined) await undo(input, this.#context(step, kind, true), this.#book.step(step.id).output as never)
        await this.#deps.fault(`${step.id}:undone`)
        return this.#book.saveUndone(step.id)
      } catch (error) {
        if (this.#signals.stop.aborted || attempt >= UNDO_TRIES) throw error
        await this.#deps.clock.sleep(FIRST_WAIT_MS * 2 ** (attempt - 1), this.#signals.stop)
      }
    }
  }

  #held(step: PlannedStep, why: string): FettleError {
    return new FettleError('HELD', `${step.title}: ${why}`, {
      hint: `\`fettle operations show ${this.#operation.id}\` has the details; mend it, then \`fettle operations resume ${this.#operation.id}\`.`,
    })
  }

  /** @throws FettleError HELD when this version does not know it */
  kind(step: PlannedStep): StepKind<never, Json> {
    const kind = this.#deps.kinds.get(step.kind)
    if (kind !== undefined) return kind
    throw new FettleError('HELD', `this version of fettle does not know the step kind ${step.kind}`, {
      hint: `Start the version that began ${this.#operation.id}, let it finish, then upgrade.`,
    })
  }

  #input(step: PlannedStep, kind: StepKind<never, Json>): never {
    const outputs = new Map(this.#operation.steps.map(record => [record.id, record.output]))
    return kind.input.parse(bindInput(step.input, { operation: this.#operation.id, outputs }))
  }

  /** A step whose input never came to be has done nothing. */
  #inputForUndo(step: PlannedStep, kind: StepKind<never, Json>): never | undefined {
    try {
      return this.#input(step, kind)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }

  #context(step: PlannedStep, kind: StepKind<never, Json>, isUndo = false): StepContext {
    const { plan, id } = this.#operation
    const isCancellable = kind.cancel !== 'at-end' && !isUndo && !this.#operation.crossedPivot
    const cancel = kind.cancel === 'now' ? this.#signals.cancel : this.#signals.insist
    return {
      operation: { id, kind: plan.kind, app: plan.app, environment: plan.environment },
      step: step.id,
      attempt: this.#book.step(step.id).attempt,
      signal: isCancellable ? AbortSignal.any([this.#signals.stop, cancel]) : this.#signals.stop,
      progress: (text, done, total) => {
        this.#silences.get(step.id)?.sign()
        this.#book.progress(step.id, text, done, total)
      },
      complain: error => this.#book.complain(step.id, error),
      tell: text => this.#told.set(step.id, this.#deps.hide(text)),
      holder: resource => this.#deps.holder(resource),
      remains: text => this.#book.remains(step.id, text),
      log: text => {
        this.#silences.get(step.id)?.sign()
        this.#book.log(step.id, text)
      },
      fault: point => this.#deps.fault(`${step.id}:${point}`),
    }
  }
}
