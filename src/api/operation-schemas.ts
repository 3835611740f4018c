/** Plans, operations and their events as the agent tells of them. */
import * as z from 'zod'
import { errorCodes } from '../core/errors.ts'
import type * as operations from '../core/plan.ts'
import { count, environment, flag, json, may, number, onlyTrue, text, time } from './schema-words.ts'

export const ErrorView = z.object({
  code: z.enum(errorCodes),
  message: text.describe('what was tried, on what, what happened'),
  hint: may(text).describe('what can be done, with the command'),
  context: may(z.record(text, json)),
  retryable: flag,
})

export const OperationKind = z.enum([
  'deploy',
  'rollback',
  'restart',
  'scale',
  'stop',
  'down',
  'backup',
  'restore',
  'drill',
  'bake',
  'test',
  'run',
]) satisfies z.ZodType<operations.OperationKind>
export const OperationState = z.enum(['running', 'undoing', 'done', 'undone', 'held']) satisfies z.ZodType<operations.OperationState>
const StepState = z.enum(['waiting', 'running', 'done', 'failed', 'undoing', 'undone']) satisfies z.ZodType<operations.StepState>

export const Plan = z.object({
  format: z.literal(1),
  kind: OperationKind,
  ...environment,
  leases: z.array(text),
  basis: z
    .record(text, text)
    .describe('what it was made from: a hash of each thing; `announced loss`: how many rows or files were said to be lost'),
  lines: z.array(z.object({ text, tone: z.enum(['plain', 'add', 'change', 'remove', 'warn']) })),
  confirm: may(text).describe('what carrying it out loses or endangers: asked for, never assumed'),
  empty: onlyTrue.describe('nothing to do'),
  steps: z.array(
    z.object({
      id: text,
      kind: text,
      title: text,
      input: z.record(text, json),
      after: z.array(text),
      pivot: onlyTrue.describe('before it all is undone, after it all is finished'),
    }),
  ),
  parent: may(text).describe('the operation that brought this one about'),
}) satisfies z.ZodType<operations.Plan>

export const OperationRecord = z.object({
  id: text,
  plan: Plan,
  state: OperationState,
  crossedPivot: flag,
  cancelled: flag,
  steps: z.array(
    z.object({
      id: text,
      state: StepState,
      attempt: count,
      adopted: flag,
      note: may(text).describe('what stays although it is undone, what it waits for'),
      output: may(json),
      error: may(ErrorView),
      startedAt: may(time),
      endedAt: may(time),
    }),
  ),
  error: may(ErrorView),
  createdAt: time,
  endedAt: may(time),
}) satisfies z.ZodType<operations.OperationRecord>

const event = { seq: count, operation: text, at: time }
const ofStep = { ...event, step: text }
export const OperationEvent = z.discriminatedUnion('type', [
  z.object({ ...event, type: z.literal('operation'), state: OperationState, error: may(ErrorView) }),
  z.object({
    ...ofStep,
    type: z.literal('step'),
    state: StepState,
    attempt: count,
    adopted: may(flag),
    error: may(ErrorView),
    note: may(text),
  }),
  z.object({ ...ofStep, type: z.literal('progress'), text, done: may(number), total: may(number) }),
  z.object({ ...ofStep, type: z.literal('log'), text }),
  z.object({ ...ofStep, type: z.literal('stuck'), silentMs: number }),
]) satisfies z.ZodType<operations.OperationEvent>
