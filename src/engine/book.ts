/** What an operation writes down of itself: each change of its record goes into the journal with the event that tells of it. */
import { type ErrorJson, FettleError } from '../core/errors.ts'
import { type Hide, hideInError, hideInOutput } from '../core/free-text.ts'
import type { Json } from '../core/json.ts'
import type { EventBody, OperationRecord, StepRecord } from '../core/plan.ts'
import type { Clock } from '../ports/clock.ts'

export interface BookDeps {
  clock: Clock
  /** Hides secrets, here where texts of apps and tools come in. */
  hide: Hide
  /** Journals the record and the event in one transaction, then publishes the event. */
  record(change: { step?: StepRecord; operation?: OperationRecord; event?: EventBody }): void
}

export class OperationBook {
  readonly #operation: OperationRecord
  readonly #deps: BookDeps

  constructor(operation: OperationRecord, deps: BookDeps) {
    this.#operation = operation
    this.#deps = deps
  }

  step(id: string): StepRecord {
    const record = this.#operation.steps.find(step => step.id === id)
    if (record === undefined) throw new FettleError('INTERNAL', `operation ${this.#operation.id} has no step ${id}`)
    return record
  }

  saveStep(id: string, change: Partial<StepRecord>): void {
    const record = Object.assign(this.step(id), change)
    const { state, attempt, adopted, note, error } = record
    this.#deps.record({
      step: record,
      operation: this.#operation,
      event: {
        type: 'step',
        step: id,
        state,
        attempt,
        ...(adopted ? { adopted } : {}),
        ...(note === undefined ? {} : { note }),
        ...(error === undefined ? {} : { error }),
      },
    })
  }

  /** Its time stays that of its work. */
  saveUndone(id: string): void {
    this.saveStep(id, { state: 'undone', endedAt: this.step(id).endedAt ?? this.#deps.clock.now() })
  }

  end(state: 'done' | 'undone' | 'held'): void {
    const operation = this.#operation
    operation.state = state
    operation.endedAt = this.#deps.clock.now()
    this.#deps.record({
      operation,
      event: { type: 'operation', state, ...(operation.error === undefined ? {} : { error: operation.error }) },
    })
  }

  progress(id: string, text: string, done?: number, total?: number): void {
    this.#deps.record({
      event: {
        type: 'progress',
        step: id,
        text: this.#deps.hide(text),
        ...(done === undefined ? {} : { done }),
        ...(total === undefined ? {} : { total }),
      },
    })
  }

  log(id: string, text: string): void {
    this.#deps.record({ event: { type: 'log', step: id, text: this.#deps.hide(text) } })
  }

  complain(id: string, error: FettleError): void {
    const told = this.told(error)
    this.#operation.error ??= told
    this.#deps.record({ operation: this.#operation, event: { type: 'log', step: id, text: told.message } })
  }

  remains(id: string, text: string): void {
    this.saveStep(id, { note: this.#deps.hide(text) })
  }

  /** As it is shown and kept: without secrets. */
  told(error: FettleError): ErrorJson {
    return hideInError(error.toJSON(), this.#deps.hide)
  }

  toldOutput(output: Json): Json {
    return hideInOutput(output, this.#deps.hide)
  }
}
