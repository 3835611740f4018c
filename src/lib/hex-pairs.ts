/** Hex in pairs with spaces (od, hexdump) or colons (openssl) between them: where rows of it begin. */
import { codesOf, type Writing } from './wrapped-writing.ts'

/**
 * Fewer are a time, a date or an address of a network card. It begins with what is rare in ordinary text, the separator before the
 * second pair: seven times as fast as with the first.
 */
const ROW = /[ :][\da-fA-F]{2}(?:[ :][\da-fA-F]{2}){6}/g
const FIRST_PAIR = 2
/** What the text ends with may become a row. */
const SHORTER_THAN_ROW = 23

const CANONICAL = new Uint8Array(256)
for (const char of '0123456789abcdefABCDEF') CANONICAL[char.charCodeAt(0)] = char.toLowerCase().charCodeAt(0)
const SEPARATORS = codesOf(' :')

export const HEX_PAIRS: Writing = { canonical: CANONICAL, separators: SEPARATORS, shortestLine: 1, nextRun }

function nextRun(text: string, from: number): number {
  ROW.lastIndex = from
  const row = ROW.exec(text)
  if (row !== null) return Math.max(from, row.index - FIRST_PAIR)
  let at = text.length
  while (at > from && text.length - at < SHORTER_THAN_ROW && isPartOfRow(text.charCodeAt(at - 1))) at--
  return at
}

const isPartOfRow = (code: number): boolean => CANONICAL[code] !== 0 || SEPARATORS.has(code)
