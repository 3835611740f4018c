import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const deploy: CommandDefinition = {
  arguments: [ENVIRONMENT],
  options: [
    { flags: '--rehearse <how>', says: 'try it on restored data first', choices: ['on', 'newest-proven', 'off'] },
    { flags: '--accept-unproven', says: 'go on where the rehearsal can not show that it works' },
  ],
  takes: ['target', 'operation'],
  example: { line: 'fettle deploy production', does: 'shows what will change, asks, deploys and follows it until the new release serves' },
  async run(cli, given) {
    const target = targetOf(given, cli.io.cwd, given.args[0])
    const rehearse = given.text('rehearse') as 'on' | 'newest-proven' | 'off' | undefined
    const request = {
      kind: 'deploy',
      ...target,
      ...(rehearse === undefined ? {} : { rehearse }),
      acceptUnproven: given.flag('acceptUnproven'),
    } as const
    return operate(cli, given, request, { asks: 'always' })
  },
}
