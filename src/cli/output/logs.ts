/** Log lines of many units: each with its time and its unit, in a colour of its own, aligned. */
import type { LogLine } from '../../ports/runtime.ts'
import type { Style } from './style.ts'
import { formatClock } from './time.ts'
import { padEnd, printable } from './width.ts'

export function createLogPrinter(print: (line: string) => void, style: Style): (line: LogLine) => void {
  const paints = [style.cyan, style.green, style.magenta, style.yellow, style.blue]
  const colours = new Map<string, (text: string) => string>()
  // Names that come later may be longer; this is enough for most.
  let columns = 8
  return line => {
    const name = unitName(line)
    const paint = colours.get(name) ?? paints[colours.size % paints.length] ?? style.cyan
    colours.set(name, paint)
    columns = Math.max(columns, name.length)
    for (const text of printable(line.text).split('\n'))
      print(`${style.dim(formatClock(line.at))} ${paint(padEnd(name, columns))} ${style.dim('│')} ${text}`)
  }
}

/** `web.0` instead of the deterministic name of the unit, which holds app, environment and release too. */
function unitName({ unit, labels }: LogLine): string {
  if (labels.service === undefined) return unit
  const index = /\.(\d+)$/.exec(unit)?.[1]
  return index === undefined ? labels.service : `${labels.service}.${index}`
}
