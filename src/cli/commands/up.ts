import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { projectOf } from '../target.ts'
import { outputLeftOut } from './deploy.ts'

export const up: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['project', 'operation'],
  example: {
    line: 'fettle up',
    does: 'starts an agent when none runs, deploys the app of this folder and follows it; asks only when data is at risk',
  },
  run: (cli, given) =>
    operate(cli, given, { kind: 'deploy', ...projectOf(given, cli.io.cwd, given.args[0]), ...outputLeftOut() }, { asks: 'danger' }),
}
