/**
 * Finds base64 and hex that tools break into lines, and pieces of it where a line begins or ends, for a log is read line by line. A piece is known by itself from a length on that nothing else has by chance; what it goes on with behind the break, at any.
 */
import { encodedForms } from './redact-forms.ts'
import { type Piece, SuffixAutomaton } from './suffix-automaton.ts'

/**
 * How many characters in one line make one that tools wrapped, and a piece of a secret. 15 bytes of it in base64: what all PEM keys
 * begin with alike has 16 characters, and is no secret. Tools break at 57 and more.
 */
const PIECE = 20
/** A shorter piece may become one of `PIECE`: held back from here on, and hidden where such a line ends. Of still shorter ones all texts are full. */
const HELD = 8
/** A break is followed by what lines are indented by. */
const WIDEST_BREAK = 32

const [TAB, NEWLINE, RETURN, SPACE, FILLER] = [9, 10, 13, 32, 61]
/** As the usual base64 has it, by character; 0: none of either. */
const CANONICAL = new Uint8Array(256)
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') CANONICAL[char.charCodeAt(0)] = char.charCodeAt(0)
for (const [urlSafe, char] of ['-+', '_/']) CANONICAL[(urlSafe as string).charCodeAt(0)] = (char as string).charCodeAt(0)

const CHARACTER = 'A-Za-z0-9+/_-'
const REST_OF_RUN = new RegExp(`[${CHARACTER}]*`, 'y')
/**
 * Only so many characters of each piece that may be there are looked at; where they are in no form, the piece is none. Of an ordinary
 * text, paths and hashes and all, that leaves less than a tenth to walk through.
 */
const SAMPLE = 5
const BEFORE_SAMPLE = PIECE - SAMPLE

/** For one stream. */
export interface Scanner {
  /** @param found is called with half-open ranges in `text`; one that starts before 0 began in earlier text */
  scan(text: string, found: (start: number, end: number) => void): void
  /** How many of the last characters may still become part of a match. */
  readonly pending: number
  /** The next text is another one. */
  reset(): void
}

/** @returns what makes a scanner of wrapped forms of these values; undefined without any */
export function wrappedForms(values: readonly string[]): (() => Scanner) | undefined {
  const texts = new Set(values.flatMap(value => encodedForms(value.trim())))
  if (texts.size === 0) return undefined
  const automaton = new SuffixAutomaton([...texts])
  return () => new WrappedScanner(automaton)
}

class WrappedScanner implements Scanner {
  readonly #automaton: SuffixAutomaton
  /** The longest piece of a form that ends here. */
  #piece: Piece = { state: 0, length: 0 }
  /** Characters since the text looks like base64, without the breaks; the breaks in the piece, by how many came before; bytes of the one it is in. */
  #run = 0
  #breaks: { at: number; bytes: number }[] = []
  #gap = 0

  constructor(automaton: SuffixAutomaton) {
    this.#automaton = automaton
  }

  get pending(): number {
    const { length } = this.#piece
    return length < HELD ? 0 : this.#bytesOf(length) + this.#gap
  }

  reset(): void {
    this.#piece = { state: 0, length: 0 }
    this.#run = this.#gap = 0
    this.#breaks = []
  }

  scan(text: string, found: (start: number, end: number) => void): void {
    const hidden = new Joined(found)
    /** Up to here every character matters. */
    let sure = 0
    for (let at = 0; at < text.length; at++) {
      if (this.#run === 0) at = nextRun(text, at)
      if (at >= sure && this.#isLost) [at, sure] = this.#skip(text, at)
      if (at >= text.length) break
      const code = text.charCodeAt(at)
      if (CANONICAL[code] === 0) this.#leave(code, at, hidden)
      else this.#enter(CANONICAL[code] as number, at, hidden)
    }
    hidden.close()
  }

  /** What ends here is in ordinary text too. */
  get #isLost(): boolean {
    return this.#gap === 0 && this.#breaks.length === 0 && this.#piece.length < SAMPLE
  }

  /** @returns where the next piece may begin, and up to where it must be walked through */
  #skip(text: string, at: number): [at: number, sure: number] {
    const [to, sure] = this.#nextPiece(text, at - this.#piece.length, endOfRun(text, at))
    if (to <= at) return [at, sure]
    this.#piece = { state: 0, length: 0 }
    this.#run += to - at
    return [to, sure]
  }

  #nextPiece(text: string, from: number, end: number): [at: number, sure: number] {
    for (let at = from + BEFORE_SAMPLE; at + SAMPLE <= end; at += BEFORE_SAMPLE + 1)
      if (this.#isInForm(text, at)) return [at - BEFORE_SAMPLE, at + SAMPLE]
    // What is shorter counts where it goes on behind a break.
    const goesOn = end === text.length || isLineEnd(text.charCodeAt(end))
    return [goesOn ? end - PIECE + 1 : end, end]
  }

  #isInForm(text: string, at: number): boolean {
    const piece = { state: 0, length: 0 }
    for (let index = 0; index < SAMPLE; index++) {
      this.#automaton.step(piece, CANONICAL[text.charCodeAt(at + index)] as number)
      if (piece.length <= index) return false
    }
    return true
  }

  #enter(char: number, at: number, hidden: Joined): void {
    if (this.#gap > 0) this.#breaks.push({ at: this.#run, bytes: this.#gap })
    this.#gap = 0
    this.#run++
    this.#automaton.step(this.#piece, char)
    const { length } = this.#piece
    while (this.#breaks.length > 0 && (this.#breaks[0]?.at ?? 0) <= this.#run - length) this.#breaks.shift()
    const found = length >= PIECE || length === 0 ? length : this.#automaton.wholeAt(this.#piece)
    if (found > 0) hidden.add(at + 1 - this.#bytesOf(found), at + 1)
  }

  #leave(code: number, at: number, hidden: Joined): void {
    if (!this.#isBreak(code)) {
      if (this.#run > 0) this.reset()
      return
    }
    // At the end of a wrapped line, where the rest of it is another line of a log.
    if (this.#gap === 0 && this.#piece.length >= HELD) hidden.add(at - this.#bytesOf(this.#piece.length), at)
    this.#gap++
  }

  #isBreak(code: number): boolean {
    if (this.#run < PIECE || this.#gap === WIDEST_BREAK) return false
    return isLineEnd(code) || (this.#gap > 0 && (code === SPACE || code === TAB))
  }

  /** Of the last characters, with the breaks between them. */
  #bytesOf(length: number): number {
    let bytes = length
    for (const gap of this.#breaks) if (gap.at > this.#run - length) bytes += gap.bytes
    return bytes
  }
}

const isLineEnd = (code: number): boolean => code === NEWLINE || code === RETURN

/** Ranges that come in the order of their ends: those that overlap or touch become one. */
class Joined {
  readonly #found: (start: number, end: number) => void
  #start = 0
  #end = Number.NEGATIVE_INFINITY

  constructor(found: (start: number, end: number) => void) {
    this.#found = found
  }

  add(start: number, end: number): void {
    if (start > this.#end) {
      this.close()
      this.#start = start
    }
    this.#start = Math.min(this.#start, start)
    this.#end = end
  }

  close(): void {
    if (this.#end > this.#start) this.#found(this.#start, this.#end)
  }
}

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
  while (at - from < WIDEST_BREAK && (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB)) at++
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
