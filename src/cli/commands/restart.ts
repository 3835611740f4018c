import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const restart: CommandDefinition = {
  arguments: [ENVIRONMENT],
  options: [{ flags: '-s, --service <name>', says: 'only this one' }],
  takes: ['target', 'operation'],
  example: {
    line: 'fettle restart production --service web',
    does: 'new instances of web beside the old, then the switch: no request is lost',
  },
  async run(cli, given) {
    const service = given.text('service')
    const request = {
      kind: 'restart',
      ...targetOf(given, cli.io.cwd, given.args[0]),
      ...(service === undefined ? {} : { service }),
    } as const
    return operate(cli, given, request, { asks: 'danger' })
  },
}
