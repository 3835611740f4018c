import type { CommandDefinition } from '../command.ts'
import { operate } from '../operate.ts'
import { pipeInput } from '../piped-input.ts'
import { targetOf } from '../target.ts'

export const run: CommandDefinition = {
  arguments: [{ name: '<command...>', says: 'the program and its arguments; run without a shell' }],
  options: [{ flags: '-s, --service <name>', says: "with this service's environment; default: the first one's" }],
  takes: ['target', 'operation'],
  passThrough: true,
  example: {
    line: 'fettle run --env production node seed.js --rows 10 <rows.csv',
    does: 'runs it in the release that serves, with its environment and data, what is piped in as its input, and exits with its status; what it prints comes line by line, as text; it outlives this terminal',
  },
  async run(cli, given) {
    const service = given.text('service')
    const request = {
      kind: 'run',
      ...targetOf(given, cli.io.cwd),
      argv: given.args,
      ...(service === undefined ? {} : { service }),
    } as const
    // At a terminal nothing is typed into it: Ctrl-C asks what is to become of it, and it outlives the terminal.
    if (cli.io.stdin.isTTY === true || given.flag('detach')) return operate(cli, given, request, { asks: 'danger' })
    const input = await pipeInput(cli.io.stdin)
    try {
      return await operate(cli, given, { ...request, stdin: input.path }, { asks: 'danger' })
    } finally {
      await input.close()
    }
  },
}
