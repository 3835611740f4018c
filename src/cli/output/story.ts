/** How the demo looks: acts, what came of them, and the steps of a command, each with its line as soon as it has ended. */
import type { ErrorJson } from '../../core/errors.ts'
import { formatDuration, plural } from '../../core/format.ts'
import type { OperationEvent, OperationRecord, Plan, StepState } from '../../core/plan.ts'
import type { Cli } from '../cli.ts'
import { advance, createProgress, type Progress, type StepProgress } from './progress.ts'
import { Screen } from './screen.ts'
import type { Style } from './style.ts'
import { treeLines } from './tree.ts'
import { widthOf, wrap } from './width.ts'

const FRAME_MS = 100
const COLUMNS = 78
const TITLE_COLUMNS = 56
const INDENT = '    '

export function actLines(number: number, title: string, text: string, style: Style): string[] {
  const rule = '─'.repeat(Math.max(0, COLUMNS - widthOf(title) - 7))
  return [
    '',
    `  ${style.dim('──')} ${style.bold(style.cyan(String(number)))} ${style.bold(title)} ${style.dim(rule)}`,
    ...hanging('', text),
    '',
  ]
}

export const commandText = (line: string, style: Style): string => `${INDENT}${style.dim('$')} ${style.bold(line)}`

export const outcomeLines = (text: string, style: Style): string[] => hanging(`${style.cyan('→')} `, text)

/** Broken at the width of the story, the first line behind a mark. */
function hanging(mark: string, text: string): string[] {
  const columns = widthOf(mark)
  return wrap(text, COLUMNS - INDENT.length - columns).map((line, index) => `${INDENT}${index === 0 ? mark : ' '.repeat(columns)}${line}`)
}

export interface StoryView {
  begin(plan: Plan): void
  event(event: OperationEvent): void
  /** Nothing is drawn any more; undefined: it was let go of. */
  end(operation: OperationRecord | undefined): void
}

export interface StoryOptions {
  /** Ids of the steps that the story is about. */
  show: string[]
  /** A line below what goes on. */
  watched(): string
}

/** What has ended stays, with its time; at a terminal, what goes on is alive below it. */
export function storyView(cli: Cli, { show, watched }: StoryOptions): StoryView {
  const screen = cli.isInteractive ? new Screen(cli.io.stdout, cli.style.unicode) : undefined
  let progress: Progress | undefined
  let tick = 0
  const lines = (of: Progress, steps: StepProgress[]): string[] => {
    const columns = Math.min(screen?.columns ?? COLUMNS, COLUMNS) - INDENT.length
    const frame = { now: cli.clock.now(), columns, rows: Number.POSITIVE_INFINITY, tick, style: cli.style, titleColumns: TITLE_COLUMNS }
    return treeLines({ ...of, steps }, frame).map(line => INDENT + line)
  }
  const draw = (): void => {
    if (progress === undefined || screen === undefined) return
    const active = progress.steps.filter(({ state }) => state === 'running')
    screen.draw([...lines(progress, active), '', `${INDENT}  ${cli.style.dim(watched())}`])
  }
  const keep = (kept: string[]): void => {
    screen?.draw([])
    cli.say(...kept)
    draw()
  }
  const timer =
    screen === undefined
      ? undefined
      : setInterval(() => {
          tick++
          draw()
        }, FRAME_MS)
  screen?.hideCursor()
  return {
    begin(plan) {
      progress = createProgress('', plan, cli.clock.now())
      draw()
    },
    event(event) {
      // How far it came is worth seeing, not that it was tidied up.
      if (progress === undefined || (event.type === 'step' && isUndoing(event.state))) return
      const step = advance(progress, event)
      if (event.type !== 'step' || step === undefined) return
      const isWorthIt = step.state === 'failed' || (step.state === 'done' && show.includes(step.step.id))
      if (isWorthIt) keep(lines(progress, [withoutReason(step)]))
    },
    end(operation) {
      clearInterval(timer)
      screen?.draw([])
      screen?.close()
      if (operation === undefined) return
      if (operation.plan.steps.length > 1) cli.say(`${INDENT}  ${cli.style.dim(restText(operation, show))}`)
      if (operation.error !== undefined) cli.say(...reasonLines(operation.error, cli.style))
    },
  }
}

const reasonLines = ({ message, hint = '' }: ErrorJson, style: Style): string[] => [
  ...hanging(`${style.red('✗')} `, style.bold(message.split('\n')[0] ?? '')),
  ...(hint === '' ? [] : hanging('  ', style.dim(hint))),
]

const isUndoing = (state: StepState): boolean => state === 'undoing' || state === 'undone'

/** Told in full below. */
const withoutReason = ({ error: _, ...step }: StepProgress): StepProgress => step

function restText({ plan, state, createdAt, endedAt }: OperationRecord, show: string[]): string {
  const rest = state === 'done' ? plan.steps.filter(step => !show.includes(step.id)).length : 0
  const took = formatDuration((endedAt ?? createdAt) - createdAt)
  return rest === 0 ? `in ${took}` : `and ${plural(rest, 'more step')}, in ${took}`
}
