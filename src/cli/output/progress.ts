/** How far an operation is, told from its plan and its events. Pure: every view draws from this. */
import type { ErrorJson } from '../../core/errors.ts'
import { commandName } from '../../core/names.ts'
import type { OperationEvent, OperationState, Plan, PlannedStep, StepState } from '../../core/plan.ts'

export interface StepProgress {
  step: PlannedStep
  state: StepState
  adopted: boolean
  attempt: number
  /** Wall clock of the agent, ms. */
  startedAt?: number
  endedAt?: number
  /** It is why the operation is undone. */
  isFailed?: boolean
  undoingSince?: number
  undoMs?: number
  progress?: { text: string; done?: number; total?: number }
  lastLog?: string
  /** The last progress that may have been a line of its output. */
  sample?: string
  /** Its output is read line by line: the samples of it that come as progress say nothing more. */
  isHeard?: boolean
  note?: string
  error?: ErrorJson
  /** Since when nothing was heard of it. */
  silentSince?: number
}

export interface Progress {
  id: string
  plan: Plan
  state: OperationState
  steps: StepProgress[]
  startedAt: number
  endedAt?: number
}

export function createProgress(id: string, plan: Plan, startedAt: number): Progress {
  const steps = plan.steps.map((step): StepProgress => ({ step, state: 'waiting', adopted: false, attempt: 0 }))
  return { id, plan, state: 'running', steps, startedAt }
}

/** @returns the step that changed, if one did */
export function advance(progress: Progress, event: OperationEvent): StepProgress | undefined {
  if (event.type === 'operation') {
    progress.state = event.state
    if (event.state === 'running' || event.state === 'undoing') delete progress.endedAt
    else progress.endedAt = event.at
    return undefined
  }
  const step = progress.steps.find(candidate => candidate.step.id === event.step)
  if (step === undefined) return undefined
  if (event.type === 'stuck') step.silentSince = event.at - event.silentMs
  else delete step.silentSince
  if (event.type === 'progress') step.progress = event
  if (event.type === 'progress' && event.done === undefined) step.sample = event.text
  if (event.type === 'log') step.lastLog = event.text
  if (event.type === 'step') changeState(step, event)
  return step
}

function changeState(step: StepProgress, event: Extract<OperationEvent, { type: 'step' }>): void {
  if (event.state === 'running' && step.state !== 'running') {
    step.startedAt = event.at
    delete step.endedAt
  }
  // Undone, its time stays that of its work.
  if (event.state === 'done' || event.state === 'failed') step.endedAt = event.at
  if (event.state === 'undoing') step.undoingSince ??= event.at
  if (event.state === 'undone' && step.undoingSince !== undefined) step.undoMs = event.at - step.undoingSince
  if (event.state === 'undoing' || event.state === 'undone') step.endedAt ??= event.at
  if (event.state !== 'running') delete step.progress
  step.isFailed = event.state === 'failed' || (step.isFailed === true && event.state !== 'running')
  step.state = event.state
  step.attempt = event.attempt
  step.adopted = event.adopted ?? step.adopted
  if (event.note === undefined) delete step.note
  else step.note = event.note
  if (event.error === undefined) delete step.error
  else step.error = event.error
}

/** A step may run several commands: `op3-build`, `op3-build-2`. */
export function isCommandOf(unit: string, operation: string, step: string): boolean {
  const name = commandName(operation, step)
  return unit === name || unit.startsWith(`${name}-`)
}

/** A line of a step's own output. @returns whether it says what no sample of it, come as progress, has said already */
export function hear(progress: Progress, { unit, text }: { unit: string; text: string }): boolean {
  // Its last lines may come when it is over.
  const step = progress.steps.find(candidate => isCommandOf(unit, progress.id, candidate.step.id))
  if (step === undefined) return true
  const isNew = step.isHeard === true || step.sample === undefined || !text.startsWith(step.sample)
  Object.assign(step, { lastLog: text, isHeard: true })
  return isNew
}
