import type { DoctorItem, DoctorReport } from '../../api/views.ts'
import { type ErrorJson, exitCodeOf, toFettleError } from '../../core/errors.ts'
import { layout } from '../../core/layout.ts'
import { readIfExists } from '../../lib/files.ts'
import { isUnreachable } from '../agent.ts'
import type { Cli } from '../cli.ts'
import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import type { Given } from '../given.ts'
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
    const local = await localChecks(cli.home)
    const items = withoutRepetition(local, await agentChecks(cli, given, local))
    const report: DoctorReport = { ok: isSound(items), items }
    cli.answer(report, style => reportLines(report, style))
    return report.ok ? 0 : exitCodeOf('UNSUPPORTED')
  },
}

const isSound = (items: DoctorItem[]): boolean => items.every(item => item.state !== 'fail')

/** Of starting an agent; with little room one starts, and one that runs sees the rest. */
const isInTheWay = ({ name, state }: DoctorItem): boolean => state === 'fail' && name !== 'disk'

const NOT_STARTED: DoctorItem = { name: 'agent', state: 'fail', text: 'can not be started before what is above is mended' }

/** The agent sees more. None is started for that: doctor only looks. @throws FettleError NOT_FOUND for an app or environment that is not known */
async function agentChecks(cli: Cli, given: Given, local: DoctorItem[]): Promise<DoctorItem[]> {
  try {
    const { client, about } = await cli.connect({ start: false })
    const { items } = await client.call('doctor', wideTargetOf(given, cli.io.cwd, given.args[0]))
    return [{ name: 'agent', state: 'ok', text: `fettle ${about.version}, pid ${about.pid}` }, ...items]
  } catch (thrown) {
    const error = toFettleError(thrown)
    if (error.code === 'NOT_FOUND') throw error
    if (local.some(isInTheWay)) return [NOT_STARTED]
    return [isUnreachable(error) ? await noAgentRuns(cli.home) : agentItem('fail', error.message, error.hint)]
  }
}

/** It may have been stopped, or never needed; one that could not start has left the reason. */
async function noAgentRuns(home: string): Promise<DoctorItem> {
  const failure = await readIfExists(layout(home).agentFailure)
  if (failure === undefined)
    return agentItem(
      'warn',
      'no agent runs: it is what sees sandbox, memory limits, front, backups and what serves',
      '`fettle agent start`',
    )
  const { message, hint } = JSON.parse(failure) as ErrorJson
  return agentItem('fail', `no agent runs; the last one could not start: ${message}`, hint)
}

const agentItem = (state: DoctorItem['state'], text: string, fix: string | undefined): DoctorItem => ({
  name: 'agent',
  state,
  text,
  ...(fix === undefined ? {} : { fix }),
})

/** Where both looked, the agent's finding counts: it is who runs things. */
const withoutRepetition = (local: DoctorItem[], agents: DoctorItem[]): DoctorItem[] => [
  ...local.filter(item => !agents.some(({ name }) => name === item.name)),
  ...agents,
]

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
