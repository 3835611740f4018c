/** The terminal of the demo: every command that it shows is really typed, on a command line within this one. */
import { type ErrorJson, FettleError } from '../core/errors.ts'
import type { OperationEvent, OperationRecord, Plan } from '../core/plan.ts'
import type { Terminal } from '../demo/terminal.ts'
import type { Cli } from './cli.ts'
import type { Commands } from './command.ts'
import { commandLine } from './command-line.ts'
import { actLines, commandText, outcomeLines, storyView } from './output/story.ts'
import { runTyped } from './typed.ts'

export interface DemoTerminalOptions {
  cli: Cli
  commands: Commands
  /** Where commands are typed, and the home of the fettle that they mean. */
  project: string
  home: string
  signal: AbortSignal
}

/** What a command with --json prints, a line each. */
type Line =
  | { type: 'plan'; plan: Plan }
  | { type: 'result'; operation: OperationRecord }
  | OperationEvent
  | ({ type?: undefined } & ErrorJson)

export function openDemoTerminal({ cli, commands, project, home, signal }: DemoTerminalOptions): Terminal {
  const { style } = cli
  const env = { ...cli.io.env, FETTLE_HOME: home, FETTLE_HTTP: '127.0.0.1:0' }
  let acts = 0
  let watched = (): string => ''

  const type = async (argv: string[], onLine?: (line: string) => void) => {
    signal.throwIfAborted()
    const typed = await runTyped(argv, { commands, cwd: project, env, signal, ...(onLine === undefined ? {} : { onLine }) })
    signal.throwIfAborted()
    return typed
  }

  async function operate(argv: string[], show: string[], known?: OperationRecord): Promise<OperationRecord> {
    cli.say(commandText(commandLine(argv), style))
    const view = storyView(cli, { show, watched: () => watched() })
    if (known !== undefined) view.begin(known.plan)
    let ended: OperationRecord | undefined
    let refusal: ErrorJson = { code: 'INTERNAL', message: `${commandLine(argv)} said nothing`, retryable: false }
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
    if (ended === undefined) throw FettleError.fromJSON(refusal)
    return ended
  }

  return {
    act: (title, text) => cli.say(...actLines(++acts, title, text, style)),
    typed: line => cli.say(commandText(line, style)),
    outcome: text => cli.say(...outcomeLines(text, style)),
    watch(line) {
      watched = line
    },
    operate: (argv, show) => operate(argv, show),
    follow: (operation, show) => operate(['operations', 'follow', operation.id], show, operation),
    async ask(argv) {
      const { code, output } = await type(argv)
      const answer = JSON.parse(output)
      if (code !== 0) throw FettleError.fromJSON(answer)
      return answer
    },
    async close() {
      const unstoppable = new AbortController().signal
      const { code, output } = await runTyped(['agent', 'stop', '--everything', '--yes'], {
        commands,
        cwd: project,
        env,
        signal: unstoppable,
      })
      const error: ErrorJson | undefined = code === 0 ? undefined : JSON.parse(output)
      // No agent answers where it ended before the first command started one.
      if (error !== undefined && error.code !== 'AGENT_UNREACHABLE') throw FettleError.fromJSON(error)
    },
  }
}
