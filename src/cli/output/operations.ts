/** Operations as a table, and one of them step by step. */
import { formatDuration } from '../../core/format.ts'
import type { OperationRecord, OperationState, PlannedStep, StepRecord } from '../../core/plan.ts'
import { errorLines } from './error.ts'
import type { Style } from './style.ts'
import { table } from './table.ts'
import { formatAge, formatMoment } from './time.ts'
import { printable } from './width.ts'

export function operationTable(operations: OperationRecord[], now: number, style: Style): string[] {
  if (operations.length === 0) return ['There are no operations yet.']
  return table(
    operations,
    [
      { title: 'ID', value: operation => operation.id },
      { title: 'WHAT', value: operation => operation.plan.kind },
      { title: 'WHERE', value: operation => `${operation.plan.app}/${operation.plan.environment}` },
      { title: 'STATE', value: operation => stateText(operation.state, operation.cancelled, style) },
      { title: 'BEGAN', value: operation => formatAge(operation.createdAt, now) },
      {
        title: 'TOOK',
        value: operation => (operation.endedAt === undefined ? '' : formatDuration(operation.endedAt - operation.createdAt)),
        right: true,
      },
      { title: 'WHY', value: operation => printable(operation.error?.message ?? '').split('\n')[0] ?? '', isCut: true },
    ],
    style,
  )
}

export function stateText(state: OperationState, cancelled: boolean, style: Style): string {
  const paint = { running: style.cyan, undoing: style.yellow, done: style.green, undone: style.red, held: style.red }[state]
  return paint(state === 'undone' ? (cancelled ? 'cancelled' : 'failed') : state)
}

export function operationLines(operation: OperationRecord, style: Style): string[] {
  const { plan } = operation
  const records = new Map(operation.steps.map(record => [record.id, record]))
  return [
    `${style.bold(`${plan.kind} ${operation.id}`)} of ${plan.app}/${plan.environment}: ${stateText(operation.state, operation.cancelled, style)}`,
    style.dim(`began ${formatMoment(operation.createdAt)}${plan.parent === undefined ? '' : `, brought about by ${plan.parent}`}`),
    '',
    ...table(
      plan.steps,
      [
        { title: 'STEP', value: step => step.id },
        { title: 'STATE', value: step => stepText(records.get(step.id), style) },
        { title: 'TOOK', value: step => took(records.get(step.id)), right: true },
        { title: 'WHAT', value: step => whatText(step, records.get(step.id), style) },
      ],
      style,
    ),
    ...(operation.error === undefined ? [] : ['', ...errorLines(operation.error, style)]),
  ]
}

function stepText(record: StepRecord | undefined, style: Style): string {
  // That it is undone says the operation; what it was undone for is found here.
  const state = record?.state === 'undone' && record.error !== undefined ? 'failed' : (record?.state ?? 'waiting')
  const paint = {
    waiting: style.dim,
    running: style.cyan,
    done: style.green,
    failed: style.red,
    undoing: style.yellow,
    undone: style.yellow,
  }[state]
  return paint(state)
}

function whatText({ title, pivot }: PlannedStep, record: StepRecord | undefined, style: Style): string {
  const note = record?.note === undefined ? '' : style.yellow(`: ${printable(record.note)}`)
  return `${printable(title)}${pivot ? style.dim(' (point of no return)') : ''}${note}`
}

const took = (record: StepRecord | undefined): string =>
  record?.startedAt === undefined || record.endedAt === undefined ? '' : formatDuration(record.endedAt - record.startedAt)
