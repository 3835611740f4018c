import type { ReleaseView } from '../../api/views.ts'
import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import type { Style } from '../output/style.ts'
import { table } from '../output/table.ts'
import { formatAge } from '../output/time.ts'
import { printable } from '../output/width.ts'
import { targetOf } from '../target.ts'

export const releases: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target'],
  example: {
    line: 'fettle releases production',
    does: 'every release that is kept, which one serves, and what is known about going back to it',
  },
  async run(cli, given) {
    const client = await cli.client({ start: false })
    const target = targetOf(given, cli.io.cwd, given.args[0])
    const found = await client.call('releases', target)
    cli.answer(found, style => releaseTable(found.releases, target.environment, cli.clock.now(), style))
    return 0
  },
}

function releaseTable(views: ReleaseView[], environment: string | undefined, now: number, style: Style): string[] {
  const deploy = environment === undefined ? 'fettle deploy' : `fettle deploy ${environment}`
  if (views.length === 0) return ['There are no releases yet.', `${style.cyan('→')} \`${deploy}\` makes the first.`]
  return table(
    views,
    [
      { title: 'RELEASE', value: view => (view.serving ? style.bold(view.id) : view.id) },
      { title: 'STATE', value: view => stateText(view, style) },
      { title: 'MADE', value: view => formatAge(view.createdAt, now) },
      { title: 'WAY BACK', value: view => wayBackText(view, style) },
      { title: 'SOURCE', value: view => printable(view.source) },
      { title: 'DIGEST', value: view => style.dim(view.digest.slice(0, 12)) },
      { title: 'NOTE', value: view => style.yellow(printable(view.note ?? '')), isCut: true },
    ],
    style,
  )
}

function stateText({ state }: ReleaseView, style: Style): string {
  return state === 'serving' ? style.green(state) : state === 'gone' ? style.dim(state) : state
}

/** What the rehearsal showed about returning to the release before. */
function wayBackText({ reversible }: ReleaseView, style: Style): string {
  if (reversible === 'proved') return style.green(reversible)
  return reversible === 'refuted' ? style.red('one way') : reversible === 'unproven' ? style.yellow(reversible) : style.dim(reversible)
}
