import { resolve } from 'node:path'
import type { CommandDefinition } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const restore: CommandDefinition = {
  arguments: [{ name: '[snapshot]', says: 'its id, newest, or newest-proven (default)' }],
  options: [
    { flags: '--store <name...>', says: 'only these stores' },
    { flags: '--to <folder>', says: 'into a folder beside; what is live is not touched' },
  ],
  takes: ['target', 'operation'],
  example: { line: 'fettle restore newest-proven --env production', does: 'brings the data back, and says first which rows would be lost' },
  async run(cli, given) {
    const [snapshot] = given.args
    const stores = given.list('store')
    const to = given.text('to')
    const request = {
      kind: 'restore',
      ...targetOf(given, cli.io.cwd),
      ...(snapshot === undefined ? {} : { snapshot }),
      ...(stores.length === 0 ? {} : { stores }),
      ...(to === undefined ? {} : { to: resolve(cli.io.cwd, to) }),
    } as const
    return operate(cli, given, request, { asks: to === undefined ? 'always' : 'danger' })
  },
}
