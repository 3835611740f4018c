import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const restart: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target', 'operation'],
  example: {
    line: 'fettle restart production',
    does: 'new instances of every service beside the old, then the switch: no request is lost',
  },
  run: (cli, given) => operate(cli, given, { kind: 'restart', ...targetOf(given, cli.io.cwd, given.args[0]) }, { asks: 'danger' }),
}
