/**
 * A command at a terminal of its own. `script`, which every Debian has, makes it and passes on what it reads as keys and what is shown
 * as output: with pipes at its other ends it neither needs a terminal nor changes one, and it exits as the command does.
 */
import { quote, quoteWords } from '../lib/quote.ts'

export interface Terminal {
  /** Where it writes the name of its device, by which whoever looks at it tells it of a new size. */
  file: string
  /** What the user's own is, as TERM and COLORTERM say. */
  type: string
  colours: string
  columns: number
  rows: number
}

export function terminalArgv(argv: readonly string[], { file, type, colours, columns, rows }: Terminal): string[] {
  const line = [
    `tty >${quote(file)}`,
    `stty sane columns ${columns} rows ${rows}`,
    `export TERM=${quote(type)} COLORTERM=${quote(colours)}`,
    `exec ${quoteWords(argv)}`,
  ].join('; ')
  return ['script', '--quiet', '--return', '--flush', '--command', line, '/dev/null']
}
