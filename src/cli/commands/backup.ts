import { requireLabel } from '../../core/label.ts'
import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const backup: CommandDefinition = {
  arguments: [ENVIRONMENT],
  options: [
    {
      flags: '-l, --label <text>',
      says: 'why it is taken, to be read by whoever has the disk; it is kept as long as `keep: { daily }` reaches; default: by hand',
    },
    { flags: '--new-repository', says: 'into a new one, where that of earlier snapshots is gone for good' },
  ],
  takes: ['target', 'operation'],
  example: { line: 'fettle backup production --label "before the move"', does: 'one snapshot of all stores, verified as it is written' },
  async run(cli, given) {
    const label = given.text('label')
    const request = {
      kind: 'backup',
      ...targetOf(given, cli.io.cwd, given.args[0]),
      ...(label === undefined ? {} : { label: requireLabel(label) }),
      ...(given.flag('newRepository') ? { newRepository: true } : {}),
    } as const
    return operate(cli, given, request, { asks: 'danger' })
  },
}
