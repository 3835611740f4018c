import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { planLines } from '../output/plan.ts'
import { targetOf } from '../target.ts'

export const plan: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target'],
  example: { line: 'fettle plan staging', does: 'every difference between fettle.yaml and what runs on staging; nothing is changed' },
  async run(cli, given) {
    const client = await cli.client()
    const planned = await client.call('plan', { request: { kind: 'deploy', ...targetOf(given, cli.io.cwd) } })
    cli.answer(planned, style => planLines(planned, style))
    return 0
  },
}
