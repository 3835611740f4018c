import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const stop: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target', 'operation'],
  example: {
    line: 'fettle stop staging',
    does: 'drains and stops every service of staging; data, releases and routes stay, `fettle deploy staging` starts it again',
  },
  run: (cli, given) => operate(cli, given, { kind: 'stop', ...targetOf(given, cli.io.cwd, given.args[0]) }, { asks: 'always' }),
}
