/** Base64, and hex in one piece: where lines of it begin. */
import { INDENT, PIECE, WIDEST_BREAK, type Writing } from './wrapped-writing.ts'

const [RETURN, FILLER] = [13, 61]
/** As the usual base64 has it, by character; 0: none of either. */
const CANONICAL = new Uint8Array(256)
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') CANONICAL[char.charCodeAt(0)] = char.charCodeAt(0)
for (const [urlSafe, char] of ['-+', '_/']) CANONICAL[(urlSafe as string).charCodeAt(0)] = (char as string).charCodeAt(0)

const CHARACTER = 'A-Za-z0-9+/_-'
const REST_OF_RUN = new RegExp(`[${CHARACTER}]*`, 'y')
export const BASE64: Writing = { canonical: CANONICAL, separators: new Set(), shortestLine: PIECE, nextRun, endOfRun }

/** Where what looks like base64 touches the begin or the end of a line, or may go on behind the end of the text; that end without any. */
function nextRun(text: string, from: number): number {
  for (let begin = from; ; ) {
    const start = afterIndent(text, begin)
    if (isLong(text, start)) return start
    const newline = text.indexOf('\n', begin)
    const end = beforeFiller(text, newline < 0 ? text.length : newline, begin)
    const run = beginOfRun(text, end, begin)
    if (end - run >= PIECE || end === text.length) return run
    if (newline < 0) return text.length
    begin = newline + 1
  }
}

function afterIndent(text: string, from: number): number {
  let at = from
  while (at - from < WIDEST_BREAK && INDENT.has(text.charCodeAt(at))) at++
  return at
}

/** Whether so many characters of a run begin there. */
function isLong(text: string, from: number): boolean {
  if (from + PIECE > text.length) return false
  for (let at = from; at < from + PIECE; at++) if (CANONICAL[text.charCodeAt(at)] === 0) return false
  return true
}

/** What base64 is filled up with, before a line's end. */
function beforeFiller(text: string, end: number, from: number): number {
  let at = end
  if (at > from && text.charCodeAt(at - 1) === RETURN) at--
  while (at > from && text.charCodeAt(at - 1) === FILLER) at--
  return at
}

function beginOfRun(text: string, end: number, from: number): number {
  let at = end
  while (at > from && CANONICAL[text.charCodeAt(at - 1)] !== 0) at--
  return at
}

function endOfRun(text: string, from: number): number {
  REST_OF_RUN.lastIndex = from
  REST_OF_RUN.test(text)
  return REST_OF_RUN.lastIndex
}
