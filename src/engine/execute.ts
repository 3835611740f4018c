/**
 * Carries out one operation: forward through its steps, back through them when one fails before the pivot, forward again and again
 * after it. Every act is journalled before and after; what it finds after a crash is the same as what it finds at first.
 */
import { type ErrorCode, FettleError, toFettleError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { bindInput, type OperationRecord, type PlannedStep } from '../core/plan.ts'
import { type BookDeps, OperationBook } from './book.ts'
import { SilenceWatch } from './silence.ts'
import type { StepContext, StepKind, StepKinds } from './step.ts'

/** After the pivot a failing step is tried again this often, waiting twice as long each time, before the operation is held. */
const FORWARD_TRIES = 4
const UNDO_TRIES = 3
const FIRST_WAIT_MS = 250

export interface ExecutionDeps extends BookDeps {
  kinds: StepKinds
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

export class Execution {
  readonly #deps: ExecutionDeps
  readonly #operation: OperationRecord
  readonly #book: OperationBook
  readonly #cancel = new AbortController()
  readonly #insist = new AbortController()
  readonly #stop: AbortSignal
  /** By step: told of each sign of life. */
  readonly #silences = new Map<string, SilenceWatch>()

  constructor(operation: OperationRecord, deps: ExecutionDeps, stop: AbortSignal) {
    this.#operation = operation
    this.#book = new OperationBook(operation, deps)
    this.#deps = deps
    this.#stop = stop
  }

  /** Resolves when the operation is over. @throws Interrupted when the agent stops */
  async toItsEnd(): Promise<void> {
    const operation = this.#operation
    await this.#deps.fault('begin')
    if (operation.state === 'running') await this.#forward()
    if (operation.state === 'undoing') await this.#back()
  }

  /** @param insist also what would be waited for is broken off, where that can be. @throws FettleError REFUSED past the pivot */
  cancel(insist = false): void {
    if (this.#operation.crossedPivot) {
      throw new FettleError('REFUSED', `${this.#operation.id} is past its point of no return and will be finished`, {
        hint: this.#operation.plan.kind === 'deploy' ? 'Wait for it, then `fettle rollback`.' : 'Wait for it.',
      })
    }
    this.#operation.cancelled = true
    this.#deps.record({ operation: this.#operation })
    this.#cancel.abort()
    if (insist) this.#insist.abort()
    else this.#sayWhatIsWaitedFor()
  }

  #sayWhatIsWaitedFor(): void {
    for (const step of this.#operation.plan.steps) {
      const { cancel } = this.#kind(step)
      if (cancel === 'now' || this.#book.step(step.id).state !== 'running') continue
      const orElse = cancel === 'at-end' ? '' : `; \`fettle operations cancel ${this.#operation.id} --now\` breaks it off`
      this.#book.saveStep(step.id, { note: `its end is waited for${orElse}` })
    }
  }

  async #forward(): Promise<void> {
    const failure = await this.#runAll()
    if (this.#stop.aborted) throw new Interrupted()
    if (failure === undefined) return this.#book.end('done')
    this.#operation.error = this.#book.told(failure)
    if (this.#operation.crossedPivot || failure.code === 'HELD') return this.#book.end('held')
    this.#operation.state = 'undoing'
    this.#deps.record({ operation: this.#operation, event: { type: 'operation', state: 'undoing', error: this.#operation.error } })
  }

  /** Runs what can run, side by side; resolves with the first failure once nothing runs any more. */
  async #runAll(): Promise<FettleError | undefined> {
    const running = new Map<string, Promise<void>>()
    let failure: FettleError | undefined
    for (;;) {
      if (this.#operation.cancelled && !this.#operation.crossedPivot) failure ??= new FettleError('CANCELLED', 'it was cancelled')
      if (failure === undefined && !this.#stop.aborted) {
        for (const step of this.#ready(running)) {
          const work = this.#runStep(step)
            .catch(error => {
              failure ??= toFettleError(error)
              if (!this.#operation.crossedPivot) this.#cancel.abort()
            })
            .finally(() => running.delete(step.id))
          running.set(step.id, work)
        }
      }
      if (running.size === 0) return failure
      await Promise.race(running.values())
    }
  }

  #ready(running: ReadonlyMap<string, unknown>): PlannedStep[] {
    const isDone = (id: string) => this.#book.step(id).state === 'done'
    return this.#operation.plan.steps.filter(step => !isDone(step.id) && !running.has(step.id) && step.after.every(isDone))
  }

  async #runStep(step: PlannedStep): Promise<void> {
    const kind = this.#kind(step)
    const tries = this.#operation.crossedPivot || step.pivot ? FORWARD_TRIES : 1
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(step, kind)
      } catch (thrown) {
        if (this.#stop.aborted) throw new Interrupted()
        const error = toFettleError(thrown, step.title)
        const isFinal = FINAL.has(error.code)
        this.#book.saveStep(step.id, { state: 'failed', error: this.#book.told(error), endedAt: this.#deps.clock.now(), note: undefined })
        if (isFinal) throw error
        if (attempt >= tries) throw step.pivot && (await this.#mayHaveHappened(step, kind)) ? this.#held(step, error.message) : error
        await this.#deps.clock.sleep(FIRST_WAIT_MS * 2 ** (attempt - 1), this.#stop)
      }
    }
  }

  async #attempt(step: PlannedStep, kind: StepKind<never, Json>): Promise<void> {
    const record = this.#book.step(step.id)
    this.#book.saveStep(step.id, { state: 'running', attempt: record.attempt + 1, startedAt: this.#deps.clock.now(), error: undefined })
    const input = this.#input(step, kind)
    const context = this.#context(step, kind)
    const silence = new SilenceWatch(this.#deps.clock, kind.silentForMs, this.#stop, silentMs => {
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
        note: undefined,
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

  async #back(): Promise<void> {
    for (const step of [...this.#operation.plan.steps].reverse()) {
      const record = this.#book.step(step.id)
      if (record.state === 'waiting' || record.state === 'undone') continue
      try {
        await this.#undoStep(step)
      } catch (thrown) {
        if (this.#stop.aborted) throw new Interrupted()
        const error = toFettleError(thrown, `undo ${step.title}`)
        this.#book.saveStep(step.id, { state: 'failed', error: this.#book.told(error) })
        return this.#book.end('held')
      }
    }
    this.#book.end('undone')
  }

  async #undoStep(step: PlannedStep): Promise<void> {
    const kind = this.#kind(step)
    const undo = kind.undo
    if (undo === 'impossible') throw this.#held(step, 'it can not be undone')
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
        if (this.#stop.aborted || attempt >= UNDO_TRIES) throw error
        await this.#deps.clock.sleep(FIRST_WAIT_MS * 2 ** (attempt - 1), this.#stop)
      }
    }
  }

  #held(step: PlannedStep, why: string): FettleError {
    return new FettleError('HELD', `${step.title}: ${why}`, {
      hint: `\`fettle operations show ${this.#operation.id}\` has the details; mend it, then \`fettle operations resume ${this.#operation.id}\`.`,
    })
  }

  #kind(step: PlannedStep): StepKind<never, Json> {
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
    const cancel = kind.cancel === 'now' ? this.#cancel : this.#insist
    return {
      operation: { id, kind: plan.kind, app: plan.app, environment: plan.environment },
      step: step.id,
      attempt: this.#book.step(step.id).attempt,
      signal: isCancellable ? AbortSignal.any([this.#stop, cancel.signal]) : this.#stop,
      progress: (text, done, total) => {
        this.#silences.get(step.id)?.sign()
        this.#book.progress(step.id, text, done, total)
      },
      complain: error => this.#book.complain(step.id, error),
      remains: text => this.#book.remains(step.id, text),
      log: text => {
        this.#silences.get(step.id)?.sign()
        this.#book.log(step.id, text)
      },
      fault: point => this.#deps.fault(`${step.id}:${point}`),
    }
  }
}
