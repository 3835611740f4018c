/** The last words about an operation. */
import type { EnvironmentStatus } from '../../api/views.ts'
import { type ErrorCode, exitCodeOf } from '../../core/errors.ts'
import { formatDuration } from '../../core/format.ts'
import type { OperationKind, OperationRecord } from '../../core/plan.ts'
import { OWN_FAILURE } from '../command.ts'
import { errorLines } from './error.ts'
import type { Style } from './style.ts'
import { printable } from './width.ts'

export function summaryLines(record: OperationRecord, style: Style): string[] {
  const what = `${record.plan.kind} ${record.id}`
  const took = record.endedAt === undefined ? '' : style.dim(` · ${formatDuration(record.endedAt - record.createdAt)}`)
  const error = record.error === undefined ? [] : errorLines(record.error, style)
  switch (record.state) {
    case 'done':
      if (record.error === undefined) return [`${style.green('✓')} ${style.bold(what)} done${took}`, ...toldOf(record, style)]
      // Done, and yet something is wrong: a command of the user's ended badly, a live test failed.
      return record.plan.kind === 'run' ? error : [...error, `${style.yellow('⚠')} ${style.bold(what)} ended${took}`]
    case 'undone':
      return [
        ...error,
        `${style.yellow('↩')} ${style.bold(what)} ${record.cancelled ? 'was cancelled' : 'failed'}; ${undoneText(record)}${took}`,
        ...remainsOf(record).map(text => `  ${style.yellow(text)}`),
      ]
    case 'held':
      return [
        ...error,
        `${style.red('⚠')} ${style.bold(what)} is held: what serves keeps serving${took}`,
        ...(record.error?.hint === undefined ? [`${style.cyan('→')} \`fettle operations resume ${record.id}\` tries again.`] : []),
      ]
    default:
      return [`${style.bold(what)} is ${record.state}`]
  }
}

/** What keeps the command of `fettle run` from being started. */
const BEFORE_IT_RAN: ReadonlySet<ErrorCode> = new Set(['NOT_FOUND', 'SECRET_MISSING', 'SECRET_LOCKED', 'UNSUPPORTED'])

function undoneText(record: OperationRecord): string {
  if (record.plan.kind === 'run')
    return record.error !== undefined && BEFORE_IT_RAN.has(record.error.code)
      ? 'nothing was run'
      : 'what the command did before it was ended stays'
  return remainsOf(record).length === 0 ? 'what it had done is undone' : 'what it had done is undone, but for this:'
}

/** Of what replaces data, what that took; of a backup or drill, what the snapshot does not hold. */
const SAID_AGAIN: ReadonlySet<OperationKind> = new Set(['restore', 'rollback', 'backup', 'drill'])

/** What steps told, once more where it is read last. */
const toldOf = ({ plan, steps }: OperationRecord, style: Style): string[] =>
  SAID_AGAIN.has(plan.kind) ? steps.flatMap(({ note }) => (note === undefined ? [] : [`  ${style.yellow(printable(note))}`])) : []

/** What its undo could not take back. */
const remainsOf = ({ steps }: OperationRecord): string[] =>
  steps.flatMap(({ state, note }) => (state === 'undone' && note !== undefined ? [printable(note)] : []))

/** `r4 serves http://…`, and until when it is on trial. */
export function servingLines({ release, urls, trialUntil }: EnvironmentStatus, now: number, style: Style): string[] {
  if (release === undefined || urls.length === 0) return []
  const trial = trialUntil === undefined || trialUntil <= now ? '' : style.dim(` · on trial for ${formatDuration(trialUntil - now)}`)
  return [`  ${release} serves ${urls.map(style.cyan).join(', ')}${trial}`]
}

/** 0 only when it is done and nothing is wrong; else the code of what failed. Of `fettle run`, the status of the command itself. */
export function exitCodeOfOperation(record: OperationRecord): number {
  if (record.plan.kind === 'run') return commandStatus(record) ?? OWN_FAILURE
  if (record.state === 'done') return record.error === undefined ? 0 : exitCodeOf(record.error.code)
  if (record.state === 'held') return exitCodeOf('HELD')
  return exitCodeOf(record.error?.code ?? 'CANCELLED')
}

/** What the command of `fettle run` exited with, 128 + n after signal n; undefined when it did not come to an end. */
export function commandStatus({ plan, state, steps }: OperationRecord): number | undefined {
  if (plan.kind !== 'run' || state !== 'done') return undefined
  const output = steps[0]?.output as { code: number } | undefined
  return output?.code
}
