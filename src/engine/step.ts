/**
 * The contract of a step. A step first observes, then converges under a deterministic name, so that a thing that was started but
 * not yet journalled is found again and adopted or removed, never doubled.
 */
import type { z } from 'zod'
import type { FettleError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { OperationKind } from '../core/plan.ts'

export type Observed<Output> = 'absent' | 'partial' | 'foreign' | 'unknown' | { present: Output }

export interface StepContext {
  operation: { id: string; kind: OperationKind; app: string; environment: string }
  /** Id of the step in its plan. */
  step: string
  attempt: number
  /** Aborted by a cancel, as far as the kind allows it, and when the agent stops. */
  signal: AbortSignal
  progress(text: string, done?: number, total?: number): void
  log(text: string): void
  /** The operation goes on to its end, but ends with this error: for what shows only after the pivot. */
  complain(error: FettleError): void
  /** The id of the operation that has a resource to itself now. */
  holder(resource: string): string | undefined
  /** A few words that stand beside the step once it is done: what it cost. */
  tell(text: string): void
  /** In an undo: what stays all the same, for it can not be taken back. Told with the end of the operation. */
  remains(text: string): void
  /** A named place inside the effect where a crash test kills the agent. */
  fault(point: string): Promise<void>
}

export interface StepKind<Input = unknown, Output = unknown> {
  /** `noun.verb@version` */
  kind: string
  input: z.ZodType<Input>
  /** Looks at the world, never at the journal. Must be cheap and free of effects. */
  observe(input: Input, context: StepContext): Promise<Observed<Output>>
  /** Converges from absent or partial; never called on foreign or unknown. Idempotent. */
  run(input: Input, context: StepContext): Promise<Output>
  /** From what is there now; the recorded output may be missing. Idempotent. */
  undo: 'nothing' | 'impossible' | ((input: Input, context: StepContext, output: Output | undefined) => Promise<void>)
  /** What a cancel does while it runs: breaks it off, waits for its end, or waits unless it insists. */
  cancel: 'now' | 'at-end' | 'when-insisted'
  /** Without progress for so long it is shown as stuck; never killed for it. */
  silentForMs: number
}

/** Kinds by name. A kind is declared with its own types and kept with them erased: input is parsed before every use. */
export type StepKinds = ReadonlyMap<string, StepKind<never, Json>>

/** Checks a kind's types where it is written. */
export function stepKind<Input, Output extends Json>(kind: StepKind<Input, Output>): StepKind<never, Json> {
  return kind as unknown as StepKind<never, Json>
}

export function stepKinds(...lists: StepKind<never, Json>[][]): StepKinds {
  return new Map(lists.flat().map(kind => [kind.kind, kind]))
}
