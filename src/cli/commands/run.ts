import type { Cli } from '../cli.ts'
import type { CommandDefinition } from '../command.ts'
import { operate } from '../operate.ts'
import type { Style } from '../output/style.ts'
import { openPipes } from '../pipes.ts'
import { canMakeTerminal, hasTerminal } from '../session.ts'
import { targetOf } from '../target.ts'

export const run: CommandDefinition = {
  arguments: [{ name: '<command...>', says: 'the program and its arguments; run without a shell' }],
  options: [
    { flags: '-s, --service <name>', says: "with this service's environment; default: the first one's" },
    { flags: '--raw', says: 'hide no secret in what it prints: every byte as it is, for a dump; --json and the logs hide them always' },
  ],
  takes: ['target', 'operation'],
  passThrough: true,
  example: {
    line: 'fettle run --env production node seed.js --rows 10 <rows.csv >seed.log',
    does: 'runs it in the release that serves, with its environment and data, what is piped in as its input, and exits with its status; what it prints comes byte by byte, but secrets, which are masked (then a last line to standard error says so); it outlives whoever typed it, but ends with the reader of what it prints (`fettle run yes | head`), and at a terminal (`fettle run bash`) it gets one of its own and ends with it',
  },
  async run(cli, given) {
    const service = given.text('service')
    const request = {
      kind: 'run',
      ...targetOf(given, cli.io.cwd),
      argv: given.args,
      ...(service === undefined ? {} : { service }),
    } as const
    const isFollowed = !given.flag('detach') && !given.flag('dryRun')
    const terminal = isFollowed && !cli.json && hasTerminal(cli.io) && hasScript(cli)
    // Else nothing is typed into it: Ctrl-C asks what is to become of it, and it outlives the terminal.
    const input = isFollowed && (terminal || cli.io.stdin.isTTY !== true)
    const pipes = await openPipes(cli.io, { input, output: isFollowed && !cli.json, terminal, raw: given.flag('raw') })
    try {
      return await operate(cli, given, { ...request, ...pipes.request }, { asks: 'danger', pipes })
    } finally {
      await pipes.close()
      if (pipes.hidden > 0) cli.warn(style => hiddenLines(pipes.hidden, style))
    }
  },
}

/** The same by the name that others have for it. */
export const exec: CommandDefinition = {
  ...run,
  example: {
    line: run.example.line.replace('fettle run', 'fettle exec'),
    does: run.example.does.replace('fettle run', 'fettle exec'),
  },
}

/** Or a dump would be changed without a word. */
function hiddenLines(count: number, style: Style): string[] {
  const times = count === 1 ? 'once' : `${count} times`
  return [`${style.yellow(`a secret was hidden in what it printed, ${times}`)} ${style.cyan('→')} \`--raw\` passes everything on as it is`]
}

function hasScript(cli: Cli): boolean {
  if (canMakeTerminal()) return true
  cli.warn(style => [style.yellow('the command has no terminal: `script` (Debian: bsdutils) is missing here')])
  return false
}
