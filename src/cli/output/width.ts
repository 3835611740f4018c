/** How many columns text takes in a terminal, and cutting it to that many. */
import { stripVTControlCharacters } from 'node:util'

const ESC = '\u001b'
const COLOUR = new RegExp(`(${ESC}\\[[0-9;]*m)`)
/** East Asian wide and full-width forms, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{1f004}\u{1f0cf}\u{1f18e}-\u{1f19a}\u{1f200}-\u{1f320}\u{1f32d}-\u{1f9ff}\u{1fa70}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
const ZERO = /^(\p{Mark}|\p{Cc}|\p{Cf})/u
/** ASCII, Latin, and the arrows, boxes and glyphs we draw: one column each. */
const NARROW = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2190-\u22ff\u2500-\u25fc\u26a0\u2713-\u2718\u2800-\u28ff]*$/

let segmenter: Intl.Segmenter | undefined
/** Made at the first need: most output is narrow. */
function* graphemes(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  for (const { segment } of segmenter.segment(text)) yield segment
}

export function widthOf(text: string): number {
  const bare = stripVTControlCharacters(text)
  if (NARROW.test(bare)) return bare.length
  let width = 0
  for (const grapheme of graphemes(bare)) width += widthOfGrapheme(grapheme)
  return width
}

function widthOfGrapheme(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0
  return WIDE.test(grapheme) || grapheme.includes('\ufe0f') ? 2 : 1
}

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))
export const padStart = (text: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(text))) + text

/** Cut to `width` columns with … at the end; colours are closed. */
export function truncate(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 1) return ''
  let left = width - 1
  let cut = ''
  let coloured = false
  for (const part of text.split(COLOUR)) {
    if (part.startsWith(ESC)) {
      if (left > 0) cut += part
      coloured = true
      continue
    }
    for (const grapheme of graphemes(part)) {
      left -= widthOfGrapheme(grapheme)
      if (left < 0) break
      cut += grapheme
    }
    if (left <= 0) break
  }
  return coloured ? `${cut}…${ESC}[0m` : `${cut}…`
}

/** Broken between words into lines of at most `width` columns; a longer word has a line of its own. */
export const wrap = (text: string, width: number): string[] => fill(text.split(' '), ' ', width)

/** Pieces that stay whole, as many to a line as fit. */
export function fill(pieces: string[], separator: string, width: number): string[] {
  const lines: string[] = []
  for (const piece of pieces) {
    const longer = `${lines.at(-1)}${separator}${piece}`
    if (lines.length > 0 && widthOf(longer) <= width) lines[lines.length - 1] = longer
    else lines.push(piece)
  }
  return lines
}

/** A command line that is named stays in one piece, to be copied; the spaces within go with it. */
const PIECES = /(?:`[^`]*`|[^ `])+|[ `]/g

/** A line of an answer broken between words, what follows set in below its text; as it is where it has room. */
export function wrapLine(line: string, columns: number): string[] {
  if (columns === Number.POSITIVE_INFINITY || widthOf(line) <= columns) return [line]
  const indent = ' '.repeat(Math.min((/^ */.exec(stripVTControlCharacters(line))?.[0].length ?? 0) + 2, columns / 2))
  const lines: string[] = []
  for (const piece of line.match(PIECES) ?? []) {
    const last = lines.at(-1)
    if (last !== undefined && (piece === ' ' || widthOf(last + piece) <= columns || last.trim() === ''))
      lines[lines.length - 1] = last + piece
    else lines.push(last === undefined ? piece : indent + piece)
  }
  return lines.map(text => text.trimEnd())
}

/** Text of others in our lines: no escape sequences, no control characters; what was overwritten after a \r is gone. */
export const printable = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll('\t', '  ')
    .replace(/^.*\r(?=.)/gm, '')
    .replace(/[^\P{Cc}\n]/gu, '')
