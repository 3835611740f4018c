import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { planLines } from '../output/plan.ts'
import { targetOf } from '../target.ts'

export const plan: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target'],
  example: {
    line: 'fettle plan staging',
    does: 'every difference between fettle.yaml and what runs on staging; at a terminal it can be carried out at once',
  },
  async run(cli, given) {
    const request = { kind: 'deploy', ...targetOf(given, cli.io.cwd, given.args[0]) } as const
    if (cli.isInteractive) return operate(cli, given, request, { asks: 'always', byDefault: false })
    const client = await cli.client()
    const planned = await client.call('plan', { request })
    cli.answer(planned, style => planLines(planned, style))
    return 0
  },
}
