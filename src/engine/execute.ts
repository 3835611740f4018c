/**
 * Carries out one operation: forward through its steps, back through them when one fails before the pivot, forward again and again
 * after it. Every act is journalled before and after; what it finds after a crash is the same as what it finds at first.
 */
import { FettleError, toFettleError } from '../core/errors.ts'
import type { OperationRecord, PlannedStep } from '../core/plan.ts'
import { OperationBook } from './book.ts'
import { Interrupted, type StepDeps, StepRunner } from './step-runner.ts'

export class Execution {
  readonly #deps: StepDeps
  readonly #operation: OperationRecord
  readonly #book: OperationBook
  readonly #runner: StepRunner
  readonly #cancel = new AbortController()
  readonly #insist = new AbortController()
  readonly #stop: AbortSignal

  constructor(operation: OperationRecord, deps: StepDeps, stop: AbortSignal) {
    this.#operation = operation
    this.#book = new OperationBook(operation, deps)
    this.#deps = deps
    this.#stop = stop
    const signals = { stop, cancel: this.#cancel.signal, insist: this.#insist.signal }
    this.#runner = new StepRunner(operation, this.#book, deps, signals)
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
      const { cancel } = this.#runner.kind(step)
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
      if (this.#isCancelled()) failure ??= cancelled()
      if (failure === undefined && !this.#stop.aborted) {
        for (const step of this.#ready(running)) {
          const work = this.#runner
            .run(step)
            .catch(error => {
              const told = toFettleError(error)
              // What a step waited for when it was broken off is no news to whoever cancelled it.
              failure ??= told.code === 'CANCELLED' && this.#isCancelled() ? cancelled(told) : told
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

  #isCancelled(): boolean {
    return this.#operation.cancelled && !this.#operation.crossedPivot
  }

  #ready(running: ReadonlyMap<string, unknown>): PlannedStep[] {
    const isDone = (id: string) => this.#book.step(id).state === 'done'
    return this.#operation.plan.steps.filter(step => !isDone(step.id) && !running.has(step.id) && step.after.every(isDone))
  }

  async #back(): Promise<void> {
    for (const step of [...this.#operation.plan.steps].reverse()) {
      const record = this.#book.step(step.id)
      if (record.state === 'waiting' || record.state === 'undone') continue
      try {
        await this.#runner.undo(step)
      } catch (thrown) {
        if (this.#stop.aborted) throw new Interrupted()
        const error = toFettleError(thrown, `undo ${step.title}`)
        this.#book.saveStep(step.id, { state: 'failed', error: this.#book.told(error) })
        return this.#book.end('held')
      }
    }
    this.#book.end('undone')
  }
}

const cancelled = (cause?: FettleError): FettleError => new FettleError('CANCELLED', 'it was cancelled', { cause })
