import type { CommandDefinition } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const drill: CommandDefinition = {
  arguments: [{ name: '[snapshot]', says: 'its id, or newest (default)' }],
  takes: ['target', 'operation'],
  example: {
    line: 'fettle drill --env production',
    does: 'restores the newest snapshot into a sandbox, compares every row and file, boots the app on it',
  },
  async run(cli, given) {
    const [snapshot] = given.args
    const request = { kind: 'drill', ...targetOf(given, cli.io.cwd), ...(snapshot === undefined ? {} : { snapshot }) } as const
    return operate(cli, given, request, { asks: 'danger' })
  },
}
