/** A deploy and its events, for tests of what follows operations. */
import type { ErrorJson } from '../../src/core/errors.ts'
import type { EventBody, OperationEvent, OperationRecord, OperationState, Plan, StepRecord } from '../../src/core/plan.ts'

export const BEGAN = Date.UTC(2026, 2, 1, 12, 0, 0)

export const deployPlan = (change: Partial<Plan> = {}): Plan => ({
  format: 1,
  kind: 'deploy',
  app: 'guestbook',
  environment: 'production',
  leases: ['guestbook/production'],
  basis: { source: 'b1' },
  lines: [
    { text: 'release r4 in place of r3', tone: 'plain' },
    { text: 'web: 2 → 3 instances', tone: 'change' },
    { text: 'secret SMTP_PASSWORD is new', tone: 'add' },
    { text: 'route old.localhost', tone: 'remove' },
    { text: 'no smoke test: what serves stays unproven', tone: 'warn' },
  ],
  steps: [
    { id: 'build', kind: 'artifact.build@1', title: 'build: npm ci', input: {}, after: [] },
    { id: 'start', kind: 'group.start@1', title: 'start 3 instances of web', input: {}, after: ['build'] },
    { id: 'switch', kind: 'routes.switch@1', title: 'switch routes to r4', input: {}, after: ['start'], pivot: true },
    { id: 'drain', kind: 'group.stop@1', title: 'drain and stop r3', input: {}, after: ['switch'] },
  ],
  ...change,
})

export const operationRecord = (plan: Plan, state: OperationState, change: Partial<OperationRecord> = {}): OperationRecord => ({
  id: 'op12',
  plan,
  state,
  crossedPivot: state === 'done',
  cancelled: false,
  steps: plan.steps.map((step): StepRecord => ({ id: step.id, state: state === 'done' ? 'done' : 'waiting', attempt: 1, adopted: false })),
  createdAt: BEGAN,
  ...(state === 'running' || state === 'undoing' ? {} : { endedAt: BEGAN + 4200 }),
  ...change,
})

/** Numbers the bodies and gives each a moment, 500 ms apart. */
export const eventsOf = (bodies: EventBody[]): OperationEvent[] =>
  bodies.map((body, index) => ({ seq: index + 1, operation: 'op12', at: BEGAN + index * 500, ...body }))

export const doneEvents = (plan: Plan): OperationEvent[] =>
  eventsOf([
    { type: 'operation', state: 'running' },
    ...plan.steps.flatMap((step): EventBody[] => [
      { type: 'step', step: step.id, state: 'running', attempt: 1 },
      { type: 'step', step: step.id, state: 'done', attempt: 1 },
    ]),
    { type: 'operation', state: 'done' },
  ])

export const failure: ErrorJson = {
  code: 'NOT_READY',
  message: 'web.0 of r4 did not become ready within 30 s: GET /health answered 500',
  hint: '`fettle logs --operation op12` shows what it said.',
  context: { tail: 'Error: no such column: likes\n    at server.js:12' },
  retryable: false,
}

export const failedEvents = (): OperationEvent[] =>
  eventsOf([
    { type: 'operation', state: 'running' },
    { type: 'step', step: 'build', state: 'running', attempt: 1 },
    { type: 'log', step: 'build', text: 'added 12 packages' },
    { type: 'step', step: 'build', state: 'done', attempt: 1 },
    { type: 'step', step: 'start', state: 'running', attempt: 1 },
    { type: 'step', step: 'start', state: 'failed', attempt: 1, error: failure },
    { type: 'operation', state: 'undoing' },
    { type: 'step', step: 'start', state: 'undoing', attempt: 1 },
    { type: 'step', step: 'start', state: 'undone', attempt: 1 },
    { type: 'operation', state: 'undone', error: failure },
  ])

export interface EventChannel extends AsyncIterable<OperationEvent> {
  send(...bodies: EventBody[]): void
  /** Resolves when whoever read them went away. */
  abandoned: Promise<void>
}

/** Events that a test sends one by one; any number of readers, each gets all of them. */
export function eventChannel(startedAt = Date.now()): EventChannel {
  const sent: OperationEvent[] = []
  const readers = new Set<() => void>()
  let leave = (): void => {}
  const abandoned = new Promise<void>(resolve => {
    leave = resolve
  })
  return {
    abandoned,
    send(...bodies) {
      for (const body of bodies) sent.push({ seq: sent.length + 1, operation: 'op12', at: startedAt + sent.length * 100, ...body })
      for (const wake of readers) wake()
    },
    [Symbol.asyncIterator]() {
      let at = 0
      return {
        // Not a generator: its return() would wait for the event that never comes.
        async next() {
          while (at >= sent.length) await new Promise<void>(resolve => readers.add(resolve))
          const value = sent[at++]
          return value === undefined ? { done: true, value } : { done: false, value }
        },
        async return() {
          leave()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
