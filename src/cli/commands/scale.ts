import { FettleError } from '../../core/errors.ts'
import { MOST_COUNTED } from '../../core/limits.ts'
import type { CommandDefinition } from '../command.ts'
import { operate } from '../operate.ts'
import { targetOf } from '../target.ts'

export const scale: CommandDefinition = {
  arguments: [
    { name: '[environment]', says: 'default: production, or the first one declared' },
    { name: '[service=count...]', says: 'how many instances of which service; the number in the file takes it back' },
  ],
  takes: ['target', 'operation'],
  example: {
    line: 'fettle scale production web=4',
    does: 'four instances of web, until a deploy whose file gives another number than now, or `fettle down`',
  },
  async run(cli, given) {
    const named = given.args.filter(word => !word.includes('='))
    if (named.length > 1) throw new FettleError('USAGE', `${named[1]} is no service=count`, { hint: '`fettle scale production web=4`' })
    const counts = given.args.filter(word => word.includes('='))
    const instances = Object.fromEntries(counts.map(countOf))
    requireOnce(counts)
    if (Object.keys(instances).length === 0)
      throw new FettleError('USAGE', 'scale what?', { hint: 'Name a service and a count: `fettle scale web=4`.' })
    return operate(cli, given, { kind: 'scale', ...targetOf(given, cli.io.cwd, named[0]), instances }, { asks: 'danger' })
  },
}

/** @throws FettleError USAGE: either number may be the one that was meant */
function requireOnce(counts: string[]): void {
  for (const [service = '', words = []] of Object.entries(Object.groupBy(counts, word => word.split('=')[0] ?? '')))
    if (words.length > 1)
      throw new FettleError('USAGE', `${service} stands there twice: ${words.join(' and ')}`, { hint: 'Name each service once.' })
}

function countOf(word: string): [string, number] {
  const [service = '', count = ''] = word.split('=')
  const isCount = service !== '' && /^\d+$/.test(count)
  if (isCount && Number(count) <= MOST_COUNTED) return [service, Number(count)]
  if (isCount) throw new FettleError('USAGE', `${word} is too many: fettle runs at most ${MOST_COUNTED} instances of a service`)
  throw new FettleError('USAGE', `${word} is no service=count`, { hint: '`fettle scale web=4`' })
}
