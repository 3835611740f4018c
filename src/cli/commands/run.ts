import type { CommandDefinition } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const run: CommandDefinition = {
  arguments: [{ name: '<command...>', says: 'the program and its arguments; run without a shell' }],
  options: [{ flags: '-s, --service <name>', says: "with this service's environment; default: the first one's" }],
  takes: ['target', 'operation'],
  passThrough: true,
  example: {
    line: 'fettle run --env production node seed.js --rows 10',
    does: 'runs it in the release that serves, with its environment and data, and exits with its status; it outlives this terminal',
  },
  async run(cli, given) {
    const service = given.text('service')
    const request = {
      kind: 'run',
      ...targetOf(given, cli.io.cwd),
      argv: given.args,
      ...(service === undefined ? {} : { service }),
    } as const
    return operate(cli, given, request, { asks: 'danger' })
  },
}
