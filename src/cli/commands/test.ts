import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const test: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target', 'operation'],
  example: { line: 'fettle test production', does: "runs the release's smoke tests through the public route; ends with 6 when one fails" },
  async run(cli, given) {
    const request = { kind: 'test', ...targetOf(given, cli.io.cwd, given.args[0]) } as const
    await cli.connect({ start: false }) // it only looks
    return operate(cli, given, request, { asks: 'danger' })
  },
}
