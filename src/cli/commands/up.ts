import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'
import { outputLeftOut } from './deploy.ts'

export const up: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target', 'operation'],
  example: {
    line: 'fettle up',
    does: 'starts an agent when none runs, deploys the app of this folder and follows it; asks only when data is at risk',
  },
  run: (cli, given) =>
    operate(cli, given, { kind: 'deploy', ...targetOf(given, cli.io.cwd, given.args[0]), ...outputLeftOut() }, { asks: 'danger' }),
}
