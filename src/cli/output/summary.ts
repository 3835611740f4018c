/** The last words about an operation. */
import { exitCodeOf } from '../../core/errors.ts'
import { formatDuration } from '../../core/format.ts'
import type { OperationRecord } from '../../core/plan.ts'
import { errorLines } from './error.ts'
import type { Style } from './style.ts'

export function summaryLines(record: OperationRecord, style: Style): string[] {
  const what = `${record.plan.kind} ${record.id}`
  const took = record.endedAt === undefined ? '' : style.dim(` · ${formatDuration(record.endedAt - record.createdAt)}`)
  const error = record.error === undefined ? [] : errorLines(record.error, style)
  switch (record.state) {
    case 'done':
      return [`${style.green('✓')} ${style.bold(what)} done${took}`]
    case 'undone':
      return [
        ...error,
        `${style.yellow('↩')} ${style.bold(what)} ${record.cancelled ? 'was cancelled' : 'failed'}; what it had done is undone${took}`,
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

/** 0 only when it is done; else the code of what failed. */
export function exitCodeOfOperation(record: OperationRecord): number {
  if (record.state === 'done') return 0
  if (record.state === 'held') return exitCodeOf('HELD')
  return exitCodeOf(record.error?.code ?? 'CANCELLED')
}
