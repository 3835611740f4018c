import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { statusLines } from '../output/status.ts'
import { wideTargetOf } from '../target.ts'

export const status: CommandDefinition = {
  arguments: [ENVIRONMENT],
  options: [{ flags: '-a, --all', says: 'every app, not only the one of this folder' }],
  takes: ['target'],
  example: { line: 'fettle status', does: 'services, stores, addresses, backups and what goes on, of the app in this folder' },
  async run(cli, given) {
    const answer = await cli.status(given.flag('all') ? {} : wideTargetOf(given, cli.io.cwd, given.args[0]))
    cli.answer(answer, style => statusLines(answer.agent, answer.environments, cli.clock.now(), style))
    return 0
  },
}
