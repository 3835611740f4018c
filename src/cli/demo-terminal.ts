/** The terminal of the demo: acts, commands that were really typed, their steps as they go, and what came of them. */

import { type ErrorJson, FettleError } from '../core/errors.ts'
import { formatDuration, plural } from '../core/format.ts'
import type { OperationEvent, OperationRecord, Plan, StepState } from '../core/plan.ts'
import type { Terminal } from '../demo/terminal.ts'
import type { Cli } from './cli.ts'
import { commandLine } from './command-line.ts'
import { errorLines } from './output/error.ts'
import { advance, createProgress, type Progress } from './output/progress.ts'
import { Screen } from './output/screen.ts'
import { treeLines } from './output/tree.ts'
import { widthOf, wrap } from './output/width.ts'
import { runTyped } from './typed.ts'

export interface DemoTerminalOptions {
  cli: Cli
  /** Where commands are typed, and the home of the fettle that they mean. */
  project: string
  home: string
  signal: AbortSignal
}

const FRAME_MS = 100
/** While it goes: the steps around the one that runs. */
const LIVE_ROWS = 9
const COLUMNS = 78
const TITLE_COLUMNS = 56

/** What a command with --json prints, a line each. */
type Line =
  | { type: 'plan'; plan: Plan }
  | { type: 'result'; operation: OperationRecord }
  | OperationEvent
  | ({ type?: undefined } & ErrorJson)

export function openDemoTerminal({ cli, project, home, signal }: DemoTerminalOptions): Terminal {
  const { style } = cli
  const env = { ...cli.io.env, FETTLE_HOME: home, FETTLE_HTTP: '127.0.0.1:0' }
  let acts = 0
  let watched = (): string => ''

  const type = async (argv: string[], onLine?: (line: string) => void) => {
    signal.throwIfAborted()
    const typed = await runTyped(argv, { cwd: project, env, signal, ...(onLine === undefined ? {} : { onLine }) })
    signal.throwIfAborted()
    return typed
  }

  async function operate(argv: string[], show: string[], known?: OperationRecord): Promise<OperationRecord> {
    const view = openView(cli, show, () => watched())
    let ended: OperationRecord | undefined
    let refusal: ErrorJson | undefined
    if (known !== undefined) view.begin(known.plan)
    try {
      await type(argv, text => {
        const line: Line = JSON.parse(text)
        if (line.type === 'plan') view.begin(line.plan)
        else if (line.type === 'result') ended = line.operation
        else if (line.type === undefined) refusal = line
        else view.event(line)
      })
    } finally {
      view.end(ended)
    }
    if (ended === undefined)
      throw FettleError.fromJSON(refusal ?? { code: 'INTERNAL', message: `${commandLine(argv)} said nothing`, retryable: false })
    return ended
  }

  return {
    act(title, text) {
      acts++
      const rule = '─'.repeat(Math.max(0, COLUMNS - title.length - 8))
      cli.say('', '', `  ${style.dim('──')} ${style.bold(style.cyan(String(acts)))} ${style.bold(title)} ${style.dim(rule)}`)
      cli.say(...hanging('', text), '')
    },
    typed: line => cli.say(`    ${style.dim('$')} ${line}`),
    outcome: text => cli.say(...hanging(`${style.cyan('→')} `, text)),
    watch(line) {
      watched = line
    },
    operate(argv, show) {
      cli.say(`    ${style.dim('$')} ${style.bold(commandLine(argv))}`)
      return operate(argv, show)
    },
    follow(operation, show) {
      const argv = ['operations', 'follow', operation.id]
      cli.say(`    ${style.dim('$')} ${style.bold(commandLine(argv))}`)
      return operate(argv, show, operation)
    },
    async ask(argv) {
      const { code, output } = await type(argv)
      const answer = JSON.parse(output)
      if (code !== 0) throw FettleError.fromJSON(answer)
      return answer
    },
    async close() {
      const never = new AbortController().signal
      const { code, output } = await runTyped(['agent', 'stop', '--everything', '--yes'], { cwd: project, env, signal: never })
      const error: ErrorJson | undefined = code === 0 ? undefined : JSON.parse(output)
      // No agent: it ended before the first command began it.
      if (error !== undefined && error.code !== 'AGENT_UNREACHABLE') throw FettleError.fromJSON(error)
    },
  }
}

/** Broken at the width of the story, the first line behind a mark. */
function hanging(mark: string, text: string): string[] {
  const columns = widthOf(mark)
  return wrap(text, COLUMNS - 4 - columns).map((line, index) => `    ${index === 0 ? mark : ' '.repeat(columns)}${line}`)
}

interface View {
  begin(plan: Plan): void
  event(event: OperationEvent): void
  end(operation: OperationRecord | undefined): void
}

/** At a terminal all steps come alive in a few lines; what stays are those that the story is about. */
function openView(cli: Cli, show: string[], watched: () => string): View {
  const screen = cli.isInteractive ? new Screen(cli.io.stdout, cli.style.unicode) : undefined
  let progress: Progress | undefined
  let tick = 0
  const frame = (rows: number) => ({
    now: cli.clock.now(),
    columns: Math.min(screen?.columns ?? COLUMNS, COLUMNS),
    rows,
    tick,
    style: cli.style,
    titleColumns: TITLE_COLUMNS,
  })
  const indented = (lines: string[]): string[] => lines.map(line => `    ${line}`)
  const draw = (): void => {
    tick++
    if (progress === undefined || screen === undefined) return
    screen.draw([...indented(treeLines(progress, frame(LIVE_ROWS))), '', `      ${cli.style.dim(watched())}`])
  }
  const timer = screen === undefined ? undefined : setInterval(draw, FRAME_MS)
  screen?.hideCursor()
  return {
    begin(plan) {
      progress = createProgress('', plan, cli.clock.now())
      draw()
    },
    event(event) {
      // How far it came is worth seeing, not that it was tidied up.
      if (progress !== undefined && !(event.type === 'step' && isUndoing(event.state))) advance(progress, event)
    },
    end(operation) {
      clearInterval(timer)
      const lines = progress === undefined ? [] : indented(treeLines(chosen(progress, show), frame(Number.POSITIVE_INFINITY)))
      const rest = operation === undefined ? [] : [`      ${cli.style.dim(restText(operation, show))}`]
      const all = [...lines, ...rest, ...(operation?.error === undefined ? [] : indented(errorLines(operation.error, cli.style)))]
      screen?.draw([])
      screen?.close()
      cli.say(...all)
    },
  }
}

const isUndoing = (state: StepState): boolean => state === 'undoing' || state === 'undone'

/** What the story is about, and what failed: why is told below. */
function chosen(progress: Progress, show: string[]): Progress {
  const steps = progress.steps.filter(({ step, state }) => state === 'failed' || (state !== 'waiting' && show.includes(step.id)))
  return { ...progress, steps: steps.map(({ error: _, ...step }) => step) }
}

function restText({ plan, state, createdAt, endedAt }: OperationRecord, show: string[]): string {
  const rest = state === 'done' ? plan.steps.filter(step => !show.includes(step.id)).length : 0
  const took = formatDuration((endedAt ?? createdAt) - createdAt)
  return rest === 0 ? `in ${took}` : `and ${plural(rest, 'more step')}, in ${took}`
}
