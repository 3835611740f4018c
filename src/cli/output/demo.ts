/** The last lines of the demo: what was measured, and where it goes on when it was kept. */
import type { Demo } from '../../demo/demo.ts'
import type { Row } from '../../demo/figures.ts'
import type { Style } from './style.ts'
import { padEnd, padStart, widthOf } from './width.ts'

export function figureLines(rows: Row[], style: Style): string[] {
  const [whats, values] = [rows.map(({ what }) => widthOf(what)), rows.map(({ value }) => widthOf(value))]
  const columns = { what: Math.max(...whats), value: Math.max(...values) }
  const mark = (isKept: boolean | undefined): string => (isKept === undefined ? '' : isKept ? style.green('✓') : style.red('✗'))
  const rule = `    ${style.dim('─'.repeat(columns.what + columns.value + 6))}`
  const lines = rows.map(({ what, value, isKept }) => {
    const figure = padStart(value, columns.value)
    return `    ${padEnd(what.startsWith(' ') ? style.dim(what) : what, columns.what)}  ${style.bold(figure)}  ${mark(isKept)}`.trimEnd()
  })
  return [`    ${style.bold('Measured in this run')}${style.dim(`, ${mark(true)} as promised`)}`, rule, ...lines, rule]
}

export function keptLines({ place, address, host }: Demo, style: Style): string[] {
  const line = (name: string, text: string): string => `    ${style.dim(name.padEnd(11))}${text}`
  return [
    line('it serves', style.cyan(`http://${host}:${new URL(address).port}/`)),
    line('', style.dim(`where that name is not known: curl -H 'Host: ${host}' ${address}/`)),
    line('look', `cd ${place.project} && export FETTLE_HOME=${place.home} && fettle status`),
    line('end', `fettle agent stop --everything --yes --home ${place.home} && rm -r ${place.folder}`),
  ]
}
