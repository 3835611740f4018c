import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const down: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target', 'operation'],
  example: { line: 'fettle down staging', does: 'stops staging and takes its routes away; the plan says what stays' },
  run: (cli, given) => operate(cli, given, { kind: 'down', ...targetOf(given, cli.io.cwd, given.args[0]) }, { asks: 'always' }),
}
