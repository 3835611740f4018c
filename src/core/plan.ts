/**
 * A plan is plain data: steps of a kind and version, with inputs, order and what they touch. It can be printed, saved, compared
 * and applied later; no closure and no secret value is in it.
 */
import type { ErrorJson } from './errors.ts'
import type { Json, JsonObject } from './json.ts'

export type OperationKind =
  | 'deploy'
  | 'rollback'
  | 'restart'
  | 'scale'
  | 'stop'
  | 'down'
  | 'backup'
  | 'restore'
  | 'drill'
  | 'bake'
  | 'test'
  | 'run'

/** In an input, stands for a value that an earlier step puts out: `{ $from: 'fetch', path: 'digest' }`. */
export interface OutputRef {
  $from: string
  path: string
}

/** In an input, stands for a name that ends in the operation's id, which is not known before it begins: `{ $op: 'r3-' }`. */
export interface OperationName {
  $op: string
  /** What follows the id. */
  suffix?: string
}

export interface PlannedStep {
  /** Unique in the plan; `[a-z0-9-]`. */
  id: string
  /** `noun.verb@version`; the handler is looked up by it. */
  kind: string
  /** What a person reads while it runs. */
  title: string
  input: JsonObject
  after: string[]
  /** The one atomic write that decides the operation: before it all is undone, after it all is finished. */
  pivot?: true
}

/** One line of what will be different, for people; `tone` colours it. */
export interface PlanLine {
  text: string
  tone: 'plain' | 'add' | 'change' | 'remove' | 'warn'
}

/**
 * Of each thing that a plan was made from, a hash; a plan that was shown or saved is refused when one of them has changed. `announced loss`
 * alone is what people were told, and may grow.
 */
export type Basis = Record<string, string>

export interface Plan {
  format: 1
  kind: OperationKind
  app: string
  environment: string
  /** Resources that only one operation may hold at a time, e.g. `guestbook/production`. */
  leases: string[]
  basis: Basis
  lines: PlanLine[]
  /** Set when carrying it out loses or endangers something: asked for, never assumed. */
  confirm?: string
  /** Nothing to do. */
  empty?: true
  steps: PlannedStep[]
  /** The operation that brought this one about. */
  parent?: string
}

export type OperationState = 'running' | 'undoing' | 'done' | 'undone' | 'held'
export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'undoing' | 'undone'

export interface StepRecord {
  id: string
  state: StepState
  attempt: number
  /** The step was found finished under its name, not run again. */
  adopted: boolean
  /** What is to be said about its state: what stays although it is undone, what it waits for. */
  note?: string
  output?: Json
  error?: ErrorJson
  startedAt?: number
  endedAt?: number
}

export interface OperationRecord {
  id: string
  plan: Plan
  state: OperationState
  crossedPivot: boolean
  cancelled: boolean
  steps: StepRecord[]
  error?: ErrorJson
  createdAt: number
  endedAt?: number
}

/** Everything that happens in an operation, as one stream; terminal, `--json` and dashboard draw the same. */
export type EventBody =
  | { type: 'operation'; state: OperationState; error?: ErrorJson }
  | { type: 'step'; step: string; state: StepState; attempt: number; adopted?: boolean; error?: ErrorJson; note?: string }
  | { type: 'progress'; step: string; text: string; done?: number; total?: number }
  | { type: 'log'; step: string; text: string }
  | { type: 'stuck'; step: string; silentMs: number }

/** `progress` is not kept: it bears the number of the event before it, and whoever comes later does not see it. */
export type OperationEvent = { seq: number; operation: string; at: number } & EventBody

export const isOver = (state: OperationState): boolean => state === 'done' || state === 'undone' || state === 'held'

const isOutputRef = (value: { [key: string]: Json | undefined }): value is { $from: string; path: string } =>
  typeof value.$from === 'string'
const isOperationName = (value: { [key: string]: Json | undefined }): value is { $op: string; suffix?: string } =>
  typeof value.$op === 'string'

export interface Bindings {
  operation: string
  outputs: ReadonlyMap<string, Json | undefined>
}

/** The input with every reference replaced by what it stands for. Throws RangeError for a reference to nothing. */
export function bindInput(input: Json, bindings: Bindings): Json {
  if (Array.isArray(input)) return input.map(item => bindInput(item, bindings))
  if (typeof input !== 'object' || input === null) return input
  if (isOperationName(input)) return `${input.$op}${bindings.operation}${input.suffix ?? ''}`
  if (isOutputRef(input)) return outputAt(input, bindings.outputs)
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => [key, value === undefined ? undefined : bindInput(value, bindings)]),
  )
}

function outputAt(reference: OutputRef, outputs: Bindings['outputs']): Json {
  let value: Json | undefined = outputs.get(reference.$from)
  for (const key of reference.path === '' ? [] : reference.path.split('.')) {
    value = typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined
  }
  if (value === undefined) throw new RangeError(`step ${reference.$from} put out no ${reference.path}`)
  return value
}

/** What is wrong with a plan's shape; empty when it can be carried out. */
export function planProblems(plan: Plan): string[] {
  const seen = new Set<string>()
  const problems: string[] = []
  for (const step of plan.steps) {
    if (seen.has(step.id)) problems.push(`step ${step.id} is there twice`)
    for (const before of step.after) if (!seen.has(before)) problems.push(`step ${step.id} comes after ${before}, which is not before it`)
    seen.add(step.id)
  }
  if (plan.steps.filter(step => step.pivot).length > 1) problems.push('it has two pivots')
  return problems
}
