/** What a person or a program sees of a running operation. */
import type { OperationEvent, OperationRecord } from '../../core/plan.ts'
import type { LogLine } from '../../ports/runtime.ts'
import type { Cli } from '../cli.ts'
import { outputLines, plainLines } from './plain.ts'
import { advance, createProgress, hear } from './progress.ts'
import type { Screen } from './screen.ts'
import { treeLines } from './tree.ts'
import { printable } from './width.ts'

export interface View {
  event(event: OperationEvent): void
  /** A line that a command of the operation printed; undefined where nobody would see it. */
  output?(line: LogLine): void
  /** Lines below: a question, a remark. Replaces those before. */
  below(lines: string[]): void
  /** Leaves what was drawn and gives the terminal back. Idempotent. */
  close(): void
}

const FRAME_MS = 100

export function jsonView(cli: Cli, operation: OperationRecord): View {
  return {
    event: event => cli.record(event),
    below: () => {},
    close: () => {},
    ...(operation.plan.kind === 'run' ? { output: (line: LogLine) => cli.record({ type: 'output', ...line }) } : {}),
  }
}

export function plainView(cli: Cli, operation: OperationRecord, verbose: boolean): View {
  const progress = createProgress(operation.id, operation.plan, operation.createdAt)
  return {
    event: event => cli.say(...plainLines(progress, event, cli.style, verbose)),
    below: lines => cli.say(...lines),
    close: () => {},
    ...(verbose ? { output: (line: LogLine) => void (hear(progress, line) && cli.say(...outputLines(progress, line, cli.style))) } : {}),
  }
}

/** Only what the command itself says. */
export function commandView(cli: Cli): View {
  return {
    event: () => {},
    output: ({ text }) => void cli.io.stdout.write(`${cli.isInteractive ? printable(text) : text}\n`),
    below: lines => cli.say(...lines),
    close: () => {},
  }
}

/** Draws in place; goes on from a screen that shows the plan's steps already. */
export function liveView(cli: Cli, operation: OperationRecord, screen: Screen): View {
  const { stdout } = cli.io
  const progress = createProgress(operation.id, operation.plan, operation.createdAt)
  let footer: string[] = []
  let tick = 0
  const draw = (rows = screen.rows - footer.length): void => {
    const tree = treeLines(progress, { now: cli.clock.now(), columns: screen.columns, rows, tick, style: cli.style })
    screen.draw([...tree, ...footer])
  }
  const onResize = (): void => draw()
  const timer = setInterval(() => {
    tick++
    draw()
  }, FRAME_MS)
  stdout.on('resize', onResize)
  screen.hideCursor()
  draw()
  return {
    event(event) {
      advance(progress, event)
      // A build may write thousands of lines a second: those wait for the next frame.
      if (event.type === 'step' || event.type === 'operation') draw()
    },
    output: line => void hear(progress, line),
    below(next) {
      footer = next
      draw()
    },
    close() {
      clearInterval(timer)
      stdout.off('resize', onResize)
      footer = []
      draw(Number.POSITIVE_INFINITY)
      screen.close()
    },
  }
}
