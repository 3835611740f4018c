/** Log lines of many units: each with its time, its unit and whose words they are, in a colour of its own, aligned. */
import { activationName, groupName } from '../../core/names.ts'
import type { LogLine } from '../../ports/runtime.ts'
import type { Style } from './style.ts'
import { formatClock } from './time.ts'
import { padEnd, printable } from './width.ts'

export function createLogPrinter(print: (line: string) => void, style: Style): (line: LogLine) => void {
  const paints = [style.cyan, style.green, style.magenta, style.yellow, style.blue]
  const colours = new Map<string, (text: string) => string>()
  const nameOf = unitNames()
  // Names that come later may be longer; this is enough for most.
  let columns = 8
  return line => {
    const name = nameOf(line)
    const paint = colours.get(name) ?? paints[colours.size % paints.length] ?? style.cyan
    colours.set(name, paint)
    columns = Math.max(columns, name.length)
    for (const text of printable(line.text).split('\n'))
      print(`${style.dim(formatClock(line.at))} ${paint(padEnd(name, columns))} ${style.dim('│')} ${text}`)
  }
}

/**
 * `web.0 r4` instead of the deterministic name of the unit, which holds app and environment too. Another run of the same release, and what
 * is none of a release's live runs, has the name of the activation: `web.0 r4-op12`.
 */
function unitNames(): (line: LogLine) => string {
  const first = new Map<string, string>()
  return ({ unit, labels: { app, environment, service, release } }) => {
    if (service === undefined) return unit
    const place = groupName(app, environment, service, '')
    const [, activation, index] = /^(.*)\.(\d+)$/.exec(unit.startsWith(place) ? unit.slice(place.length) : '') ?? []
    if (activation === undefined) return service
    if (release === undefined || !activation.startsWith(activationName(release, ''))) return `${service}.${index} ${activation}`
    if (!first.has(release)) first.set(release, activation)
    return `${service}.${index} ${first.get(release) === activation ? release : activation}`
  }
}
