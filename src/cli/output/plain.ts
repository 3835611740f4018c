/** An operation where no terminal is: one line for every change of a step, with the seconds since the beginning. */
import { formatDuration } from '../../core/format.ts'
import type { OperationEvent } from '../../core/plan.ts'
import type { LogLine } from '../../ports/runtime.ts'
import { advance, type Progress, type StepProgress } from './progress.ts'
import type { Style } from './style.ts'
import { printable } from './width.ts'

export function plainLines(progress: Progress, event: OperationEvent, style: Style, verbose: boolean): string[] {
  const step = advance(progress, event)
  const at = timeText(event.at, progress, style)
  if (event.type === 'operation') return event.state === 'undoing' ? [`${at}  ${style.yellow('↩')} undoing what was done`] : []
  if (step === undefined) return []
  if (event.type === 'step') {
    return isUntold(step) ? [] : [`${at}  ${stepLine(step, style)}`]
  }
  if (event.type === 'stuck') return [`${at}  ${style.yellow('⚠')} ${step.step.title}: silent for ${formatDuration(event.silentMs)}`]
  const isHeard = event.type === 'progress' && event.done === undefined && step.isHeard === true
  return !verbose || isHeard ? [] : textLines(event.text, at, style)
}

/** An undo that took long, as nobody would expect of tidying up. */
const LONG_MS = 1000

/** That all is as before is told once, at the end; of each undo only what is not so, or took long. */
function isUntold({ state, note, undoMs = 0 }: StepProgress): boolean {
  if (state === 'undone') return note === undefined && undoMs < LONG_MS
  return state === 'waiting' || state === 'undoing'
}

export const outputLines = (progress: Progress, { at, text }: LogLine, style: Style): string[] =>
  textLines(text, timeText(at, progress, style), style)

const timeText = (at: number, { startedAt }: Progress, style: Style): string =>
  style.dim(`${(Math.max(0, at - startedAt) / 1000).toFixed(1).padStart(7)} s`)

const textLines = (text: string, at: string, style: Style): string[] =>
  printable(text)
    .split('\n')
    .map(line => `${at}  ${style.dim('│')} ${line}`)

function stepLine(step: StepProgress, style: Style): string {
  const took =
    step.startedAt === undefined || step.endedAt === undefined ? '' : style.dim(` (${formatDuration(step.endedAt - step.startedAt)})`)
  const note = step.note === undefined ? (step.adopted ? style.dim(' (already done)') : '') : style.dim(` (${printable(step.note)})`)
  const title = printable(step.step.title)
  switch (step.state) {
    case 'waiting':
    case 'running':
      return `${style.dim('▸')} ${title}${step.attempt > 1 ? style.dim(` (attempt ${step.attempt})`) : ''}${note}`
    case 'done':
      return `${style.green('✓')} ${title}${took}${note}`
    case 'failed':
      return `${style.red('✗')} ${title}${took}${step.error === undefined ? '' : `: ${printable(step.error.message).split('\n')[0]}`}`
    case 'undoing':
      return `${style.yellow('↩')} undoing: ${title}`
    case 'undone':
      return `${style.yellow('↩')} ${step.note === undefined ? `undone: ${title} (${formatDuration(step.undoMs ?? 0)})` : `${title}: ${printable(step.note)}`}`
  }
}
