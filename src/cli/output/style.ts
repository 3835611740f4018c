/** Colour and glyphs: where they are allowed, and what stands in for them elsewhere. */
import type { OutputStream } from '../io.ts'

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
} as const

type Paint = (text: string) => string
export type Style = { [Name in keyof typeof CODES]: Paint } & {
  colour: boolean
  unicode: boolean
  /** Of the terminal; without end where there is none. */
  columns: number
}

export function createStyle(colour: boolean, unicode: boolean, columns = Number.POSITIVE_INFINITY): Style {
  const paints = Object.entries(CODES).map(([name, [on, off]]): [string, Paint] => [
    name,
    text => (colour && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text),
  ])
  return { ...(Object.fromEntries(paints) as { [Name in keyof typeof CODES]: Paint }), colour, unicode, columns }
}

/** NO_COLOR and --no-color win over FORCE_COLOR, which wins over the kind of stream (no-color.org, force-color.org). */
export function hasColour(stream: OutputStream, env: NodeJS.ProcessEnv, forbidden: boolean): boolean {
  if (forbidden || (env.NO_COLOR ?? '') !== '') return false
  if ((env.FORCE_COLOR ?? '') !== '') return env.FORCE_COLOR !== '0'
  return stream.isTTY === true && env.TERM !== 'dumb'
}

/** Columns that lines are broken at. */
export const columnsOf = (stream: OutputStream): number => (stream.isTTY === true && stream.columns) || Number.POSITIVE_INFINITY

/** As the C library decides: the first of three variables that is set. */
export function isUnicode(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG
  return locale === undefined ? process.platform === 'darwin' : /utf-?8/i.test(locale)
}

/** One character for one: tables and trees keep their columns. */
const ASCII: Record<string, string> = {
  '✓': '+',
  '✗': 'x',
  '●': '*',
  '○': 'o',
  '◌': '.',
  '◐': '~',
  '…': '~',
  '→': '>',
  '↩': '<',
  '▸': '>',
  '─': '-',
  '│': '|',
  '└': '`',
  '├': '|',
  '·': '-',
  '–': '-',
  '—': '-',
  '×': 'x',
  '≤': '<',
  '≥': '>',
  '≈': '~',
  '⚠': '!',
  '█': '#',
  '░': '.',
  '•': '*',
  '“': '"',
  '”': '"',
  '’': "'",
  '‘': "'",
  '⠋': '|',
  '⠙': '/',
  '⠹': '-',
  '⠸': '\\',
  '⠼': '|',
  '⠴': '/',
  '⠦': '-',
  '⠧': '\\',
  '⠇': '|',
  '⠏': '/',
}

export const toAscii = (text: string): string => text.replace(/\P{ASCII}/gu, character => ASCII[character] ?? character)
