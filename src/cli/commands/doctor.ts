import type { DoctorItem, DoctorReport } from '../../api/views.ts'
import { exitCodeOf, toFettleError } from '../../core/errors.ts'
import type { Cli } from '../cli.ts'
import { type CommandDefinition, ENVIRONMENT, type Given } from '../command.ts'
import { localChecks } from '../local-checks.ts'
import type { Style } from '../output/style.ts'
import { padEnd, printable } from '../output/width.ts'
import { wideTargetOf } from '../target.ts'

export const doctor: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target'],
  example: {
    line: 'fettle doctor',
    does: 'what this machine can and can not do, and the command that mends each lack; works without an agent too',
  },
  async run(cli, given) {
    const before = await localChecks(cli.home)
    const remote = isSound(before) ? await agentChecks(cli, given) : [NOT_STARTED]
    // Once more: an agent that was started has made the home.
    const items = withoutRepetition([...(await localChecks(cli.home)), ...remote])
    const report: DoctorReport = { ok: isSound(items), items }
    cli.answer(report, style => reportLines(report, style))
    return report.ok ? 0 : exitCodeOf('UNSUPPORTED')
  },
}

const isSound = (items: DoctorItem[]): boolean => items.every(item => item.state !== 'fail')

const NOT_STARTED: DoctorItem = { name: 'agent', state: 'fail', text: 'can not be started before what is above is mended' }

/** The agent sees more; that it can not be started is a finding like any other. */
async function agentChecks(cli: Cli, given: Given): Promise<DoctorItem[]> {
  try {
    const { client, about } = await cli.connect()
    const { items } = await client.call('doctor', wideTargetOf(given, cli.io.cwd, given.args[0]))
    return [{ name: 'agent', state: 'ok', text: `fettle ${about.version}, pid ${about.pid}` }, ...items]
  } catch (thrown) {
    const error = toFettleError(thrown)
    const log = Array.isArray(error.context?.log) ? `; the last it said: ${String(error.context.log.at(-1))}` : ''
    return [{ name: 'agent', state: 'fail', text: `${error.message}${log}`, ...(error.hint === undefined ? {} : { fix: error.hint }) }]
  }
}

/** Where both looked, the agent's finding counts: it is who runs things. */
const withoutRepetition = (items: DoctorItem[]): DoctorItem[] => [...new Map(items.map(item => [item.name, item])).values()]

function reportLines({ items, ok }: DoctorReport, style: Style): string[] {
  const columns = Math.max(...items.map(item => item.name.length))
  const glyph = { ok: style.green('✓'), warn: style.yellow('⚠'), fail: style.red('✗') }
  const count = (state: DoctorItem['state']): number => items.filter(item => item.state === state).length
  const hasRoom = style.columns > 2 * columns + 4
  const lines = items.flatMap(({ name, state, text, fix }) => [
    `${glyph[state]} ${hasRoom ? padEnd(name, columns) : `${name}:`}${hasRoom ? '  ' : ' '}${printable(text)}`,
    ...(fix === undefined || state === 'ok' ? [] : [`${' '.repeat(hasRoom ? columns + 4 : 2)}${style.cyan('→')} ${printable(fix)}`]),
  ])
  return [
    ...lines,
    '',
    ok
      ? `${style.green('In fine fettle')}${count('warn') > 0 ? `, with ${count('warn')} to look at` : ''}.`
      : style.red(`${count('fail')} to mend.`),
  ]
}
