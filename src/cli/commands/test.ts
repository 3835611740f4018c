import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const test: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target', 'operation'],
  example: { line: 'fettle test production', does: "runs the release's smoke tests through the public route; ends with 6 when one fails" },
  run: (cli, given) => operate(cli, given, { kind: 'test', ...targetOf(given, cli.io.cwd, given.args[0]) }, { asks: 'danger' }),
}
