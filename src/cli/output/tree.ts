/** An operation as a tree of steps, drawn anew for every moment. Pure: what is shown depends on the arguments alone. */
import { formatCount, formatDuration } from '../../core/format.ts'
import { pivotLine } from './plan.ts'
import type { Progress, StepProgress } from './progress.ts'
import type { Style } from './style.ts'
import { padEnd, padStart, printable, truncate, widthOf, wrap } from './width.ts'

export interface Frame {
  /** Wall clock, ms. */
  now: number
  columns: number
  /** Lines there is room for. */
  rows: number
  /** Counts up; turns the spinner. */
  tick: number
  style: Style
  /** Of the titles; default: as many as the longest has. */
  titleColumns?: number
}

const SPINNER = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏']
const TIME_COLUMNS = 10
const BAR_COLUMNS = 20
/** Between steps that only tick, a time below this would flicker. */
const SHOWN_FROM_MS = 100

export function treeLines(progress: Progress, frame: Frame): string[] {
  const titleColumns = frame.titleColumns ?? Math.max(...progress.steps.map(({ step }) => widthOf(step.title)), 20)
  const room = Math.max(8, Math.min(titleColumns, frame.columns - TIME_COLUMNS - 6))
  const blocks = progress.steps.map(step => blockLines(step, room, frame))
  const active = progress.steps.findIndex(({ state }) => state === 'running' || state === 'undoing')
  return windowOf(blocks, active, progress, frame)
}

function blockLines(step: StepProgress, titleColumns: number, frame: Frame): string[] {
  const { style, columns } = frame
  const isWaiting = step.state === 'waiting'
  const title = truncate(printable(step.step.title), titleColumns)
  const line = `  ${glyph(step, frame)} ${padEnd(isWaiting ? style.dim(title) : title, titleColumns)}${padStart(style.dim(timeText(step, frame.now)), TIME_COLUMNS)}${noteText(step, style)}`
  const below = [...noteLines(step, frame), ...(isActive(step) ? activeLines(step, frame) : failureLines(step, style))]
  return [...(step.step.pivot ? [pivotLine(style)] : []), line.trimEnd(), ...below].map(text => truncate(text, columns))
}

const isActive = (step: StepProgress): boolean => step.state === 'running' || step.state === 'undoing'

function glyph({ state, isFailed }: StepProgress, { tick, style }: Frame): string {
  const turning = SPINNER[tick % SPINNER.length] ?? ''
  switch (state) {
    case 'waiting':
      return style.dim('○')
    case 'running':
      return style.cyan(turning)
    case 'undoing':
      return style.yellow(turning)
    case 'done':
      return style.green('✓')
    case 'failed':
      return style.red('✗')
    case 'undone':
      return isFailed ? style.red('✗') : style.yellow('↩')
  }
}

function timeText(step: StepProgress, now: number): string {
  if (step.startedAt === undefined) return ''
  const ms = Math.max(0, (step.endedAt ?? now) - step.startedAt)
  return step.endedAt === undefined && ms < SHOWN_FROM_MS ? '' : formatDuration(ms)
}

function noteText(step: StepProgress, style: Style): string {
  if (step.state === 'undone') return style.yellow('  undone')
  if (step.state === 'undoing') return style.yellow('  undoing')
  if (step.state === 'done' && step.adopted) return style.dim('  already done')
  return step.state === 'running' && step.attempt > 1 ? style.yellow(`  attempt ${step.attempt}`) : ''
}

const noteLines = ({ note }: StepProgress, { style, columns }: Frame): string[] =>
  note === undefined ? [] : wrap(printable(note), columns - 6).map(line => `      ${style.yellow(line)}`)

function activeLines(step: StepProgress, { now, style }: Frame): string[] {
  const { progress, lastLog, silentSince, isHeard } = step
  return [
    ...(progress === undefined || (isHeard && progress.done === undefined) ? [] : [`      ${progressText(progress, style)}`]),
    ...(lastLog === undefined ? [] : [`      ${style.dim(`│ ${printable(lastLog).trimEnd().split('\n').at(-1) ?? ''}`)}`]),
    ...(silentSince === undefined
      ? []
      : [`      ${style.yellow(`⚠ nothing heard for ${formatDuration(Math.max(0, now - silentSince))}`)}`]),
  ]
}

/** `copy uploads ███████░░░░░░░░ 48 %`; where the whole is one thing, of which no part can be seen, only what it is. */
function progressText({ text, done, total }: NonNullable<StepProgress['progress']>, style: Style): string {
  const said = printable(text)
  if (done === undefined || (total !== undefined && total <= 1)) return said
  if (total === undefined) return `${said} ${style.dim(formatCount(done))}`
  const share = Math.min(1, Math.max(0, done / total))
  const filled = Math.round(share * BAR_COLUMNS)
  const bar = style.cyan('█'.repeat(filled)) + style.dim('░'.repeat(BAR_COLUMNS - filled))
  return `${said} ${bar} ${String(Math.floor(share * 100)).padStart(3)} %`
}

function failureLines({ state, error }: StepProgress, style: Style): string[] {
  if (state !== 'failed' || error === undefined) return []
  return [`      ${style.red(printable(error.message).split('\n')[0] ?? '')}`]
}

/** All of it, or where it does not fit the part around what goes on; the rest is counted. */
function windowOf(blocks: string[][], active: number, { steps }: Progress, { rows, style }: Frame): string[] {
  const all = blocks.flat()
  if (all.length <= rows) return all
  const nextWaiting = steps.findIndex(({ state }) => state === 'waiting')
  const focus = active >= 0 ? active : nextWaiting >= 0 ? nextWaiting : steps.length - 1
  let from = focus
  let to = focus + 1
  const size = (): number => blocks.slice(from, to).flat().length
  const room = Math.max(1, rows - 2)
  while (to < blocks.length && size() + (blocks[to]?.length ?? 0) <= Math.ceil(room / 2)) to++
  while (from > 0 && size() + (blocks[from - 1]?.length ?? 0) <= room) from--
  while (to < blocks.length && size() + (blocks[to]?.length ?? 0) <= room) to++
  return [
    ...(from > 0 ? [style.dim(`  … ${from} before`)] : []),
    ...blocks.slice(from, to).flat(),
    ...(to < blocks.length ? [style.dim(`  … ${blocks.length - to} more`)] : []),
  ].slice(0, Math.max(1, rows))
}
