import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { statusLines } from '../output/status.ts'
import { wideTargetOf } from '../target.ts'

export const status: CommandDefinition = {
  arguments: [ENVIRONMENT],
  options: [{ flags: '-a, --all', says: 'every app, not only the one of this folder' }],
  takes: ['target'],
  example: { line: 'fettle status', does: 'services, stores, addresses, backups and what goes on, of the app in this folder' },
  async run(cli, given) {
    // Both at once: this is the command that people wait for most often.
    const answer = cli.knownAgent().call('status', given.flag('all') ? {} : wideTargetOf(given, cli.io.cwd, given.args[0]))
    answer.catch(() => {}) // without an agent `connect` says so, and better
    const { about } = await cli.connect({ start: false })
    const found = await answer
    cli.answer({ agent: about, ...found }, style => statusLines(about, found.environments, cli.clock.now(), style))
    return 0
  },
}
