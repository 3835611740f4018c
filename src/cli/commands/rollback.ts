import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

const RELEASE = /^r\d+$/

export const rollback: CommandDefinition = {
  arguments: [ENVIRONMENT, { name: '[release]', says: 'default: the one that served before' }],
  options: [{ flags: '--data <choice>', says: 'keep (default), or the snapshot whose data is taken back' }],
  takes: ['target', 'operation'],
  example: {
    line: 'fettle rollback production r3',
    does: 'code, configuration, secrets and routes of r3; the data stays, unless --data names a snapshot',
  },
  async run(cli, given) {
    // With one word alone, r3 is a release: an environment is never named like one.
    const [first, second] = given.args
    const [environment, release] = second === undefined && first !== undefined && RELEASE.test(first) ? [undefined, first] : [first, second]
    const target = targetOf(given, cli.io.cwd, environment)
    const request = {
      kind: 'rollback',
      ...target,
      ...(release === undefined ? {} : { release }),
      data: given.text('data') ?? 'keep',
    } as const
    return operate(cli, given, request, { asks: 'always' })
  },
}
