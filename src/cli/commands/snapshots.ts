import type { Answers } from '../../api/contract.ts'
import type { SnapshotView } from '../../api/views.ts'
import { formatBytes, formatCount, formatDuration } from '../../core/format.ts'
import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import type { Style } from '../output/style.ts'
import { table } from '../output/table.ts'
import { formatAge } from '../output/time.ts'
import { printable } from '../output/width.ts'
import { targetOf } from '../target.ts'

export const snapshots: CommandDefinition = {
  arguments: [ENVIRONMENT],
  takes: ['target'],
  example: { line: 'fettle snapshots production', does: 'every recovery point, what it holds, and how far it is proven' },
  async run(cli, given) {
    const client = await cli.client({ start: false })
    const found = await client.call('snapshots', targetOf(given, cli.io.cwd, given.args[0]))
    cli.answer(found, style => [
      ...(found.gone === undefined ? [] : [`${style.red('✗')} ${printable(found.gone)}`]),
      ...snapshotTable(found, cli.clock.now(), style),
      ...found.foreign.map(
        ({ id, recipients }) => `${style.yellow('!')} ${id} is sealed for another key: ${printable(recipients.join(', '))}`,
      ),
      ...formerNote(found, style),
      ...found.absent.map(text => `${style.yellow('⚠')} ${printable(text)}`),
      ...found.unreadable.map(({ id, reason }) => `${style.red('✗')} ${id} can not be read: ${printable(reason)}`),
    ])
    return 0
  },
}

const FORMER = { title: 'IN', value: (view: SnapshotView) => printable(view.formerFolder ?? '') }

function snapshotTable(
  { snapshots: views, foreign, unreadable, absent, gone, lack }: Answers['snapshots'],
  now: number,
  style: Style,
): string[] {
  if (views.length === 0 && (gone !== undefined || foreign.length + unreadable.length + absent.length > 0)) return []
  if (views.length === 0) return ['There are no snapshots yet.', `${style.cyan('→')} ${lack ?? '`fettle backup` takes one.'}`]
  const lines = table(
    views,
    [
      { title: 'SNAPSHOT', value: view => view.id },
      { title: 'TAKEN', value: view => formatAge(view.takenAt, now) },
      { title: 'PROOF', value: view => proofText(view, now, style) },
      { title: 'SIZE', value: view => formatBytes(view.storedBytes), right: true },
      { title: 'SKEW', value: view => formatDuration(view.skewMs), right: true },
      { title: 'RELEASE', value: view => view.release },
      { title: 'HOLDS', value: view => view.stores.map(store => `${store.name} ${formatCount(store.rows)}`).join(', ') },
      ...(views.some(view => view.formerFolder !== undefined) ? [FORMER] : []),
      { title: 'NOTES', value: view => (view.notes.length === 0 ? '' : style.yellow('⚠')) },
      { title: 'WHY', value: view => printable(view.label), isCut: true },
    ],
    style,
  )
  return [...lines, ...failureLines(views, style), ...noteLines(views, style)]
}

/** Whole sentences, which would make the table a list of blocks. */
const failureLines = (views: SnapshotView[], style: Style): string[] =>
  views.flatMap(({ id, failed }) => (failed === undefined ? [] : [`${style.red('✗')} ${id} failed: ${printable(failed)}`]))

/** Of the newest that has any: one after the other mostly has the same. */
function noteLines(views: SnapshotView[], style: Style): string[] {
  const noted = views.find(view => view.notes.length > 0)
  return noted === undefined ? [] : [`${style.yellow('⚠')} ${noted.id}:`, ...noted.notes.map(note => `  ${printable(note)}`)]
}

/** Where snapshots went before they went elsewhere. */
function formerNote({ snapshots: views }: Answers['snapshots'], style: Style): string[] {
  const folders = [...new Set(views.flatMap(({ formerFolder }) => formerFolder ?? []))]
  return folders.map(
    folder =>
      `${style.yellow('⚠')} Those in ${printable(folder)} stay there: \`fettle restore\` and \`fettle drill\` find them, retention removes none of them.`,
  )
}

function proofText({ rung, proofs, failed }: SnapshotView, now: number, style: Style): string {
  if (failed !== undefined) return style.red('failed')
  const last = proofs.filter(proof => proof.passed && proof.rung === rung).at(-1)
  const text = last === undefined ? rung : `${rung} ${formatAge(last.at, now)}`
  return rung === 'content-equal' || rung === 'booted' ? style.green(text) : style.yellow(text)
}
