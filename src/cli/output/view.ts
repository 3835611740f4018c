/** What a person or a program sees of a running operation. */
import type { OperationEvent, OperationRecord } from '../../core/plan.ts'
import type { Cli } from '../cli.ts'
import { plainLines } from './plain.ts'
import { advance, createProgress } from './progress.ts'
import { Screen } from './screen.ts'
import { toAscii } from './style.ts'
import { treeLines } from './tree.ts'
import { printable } from './width.ts'

export interface View {
  event(event: OperationEvent): void
  /** Lines below: a question, a remark. Replaces those before. */
  below(lines: string[]): void
  /** Leaves what was drawn and gives the terminal back. Idempotent. */
  close(): void
}

const FRAME_MS = 100

export function jsonView(cli: Cli): View {
  return { event: event => cli.record(event), below: () => {}, close: () => {} }
}

export function plainView(cli: Cli, operation: OperationRecord, verbose: boolean): View {
  const progress = createProgress(operation.id, operation.plan, operation.createdAt)
  return {
    event: event => cli.say(...plainLines(progress, event, cli.style, verbose)),
    below: lines => cli.say(...lines),
    close: () => {},
  }
}

/** Only what the command itself says. */
export function commandView(cli: Cli): View {
  return {
    event(event) {
      if (event.type === 'log') cli.io.stdout.write(`${cli.isInteractive ? printable(event.text) : event.text}\n`)
    },
    below: lines => cli.say(...lines),
    close: () => {},
  }
}

export function liveView(cli: Cli, operation: OperationRecord): View {
  const { stdout } = cli.io
  const progress = createProgress(operation.id, operation.plan, operation.createdAt)
  const screen = new Screen(stdout)
  let footer: string[] = []
  let tick = 0
  const lines = (rows: number): string[] => {
    const tree = treeLines(progress, { now: cli.clock.now(), columns: screen.columns, rows, tick, style: cli.style })
    return [...tree, ...footer].map(line => (cli.style.unicode ? line : toAscii(line)))
  }
  const draw = (): void => screen.draw(lines(screen.rows - footer.length))
  const timer = setInterval(() => {
    tick++
    draw()
  }, FRAME_MS)
  stdout.on('resize', draw)
  draw()
  return {
    event(event) {
      advance(progress, event)
      // A build may write thousands of lines a second: those wait for the next frame.
      if (event.type === 'step' || event.type === 'operation') draw()
    },
    below(next) {
      footer = next
      draw()
    },
    close() {
      clearInterval(timer)
      stdout.off('resize', draw)
      screen.draw(lines(Number.POSITIVE_INFINITY))
      screen.close()
    },
  }
}
