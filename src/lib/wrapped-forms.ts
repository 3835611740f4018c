/**
 * Finds base64 and hex that tools break into lines, and pieces of it where a line begins or ends, for a log is read line by line. A piece is known by itself from a length on that nothing else has by chance; what it goes on with behind the break, at any.
 */
import { BASE64 } from './base64-lines.ts'
import { HEX_PAIRS } from './hex-pairs.ts'
import { encodedForms, hexForm } from './redact-forms.ts'
import { type Piece, SuffixAutomaton } from './suffix-automaton.ts'
import { PIECE, QUOTES, WIDEST_BREAK, type Writing } from './wrapped-writing.ts'

/** A shorter piece may become one of `PIECE`: held back from here on, and hidden where such a line ends. Of still shorter ones all texts are full. */
const HELD = 8

const [NEWLINE, RETURN] = [10, 13]
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

/** @returns what makes the scanners of wrapped forms of these values; none without any */
export function wrappedForms(values: readonly string[]): () => Scanner[] {
  const kinds = [
    { writing: BASE64, forms: values.flatMap(value => encodedForms(value.trim())) },
    { writing: HEX_PAIRS, forms: values.flatMap(value => hexForm(value.trim())) },
  ]
  const known = kinds.flatMap(({ writing, forms }) =>
    forms.length === 0 ? [] : [{ writing, automaton: new SuffixAutomaton([...new Set(forms)]) }],
  )
  return () => known.map(({ writing, automaton }) => new WrappedScanner(writing, automaton))
}

class WrappedScanner implements Scanner {
  readonly #writing: Writing
  readonly #automaton: SuffixAutomaton
  /** The longest piece of a form that ends here. */
  #piece: Piece = { state: 0, length: 0 }
  /** Characters since the text looks like the writing, without the breaks; the breaks in the piece, by how many came before; bytes of the one it is in. */
  #run = 0
  #breaks: { at: number; bytes: number }[] = []
  #gap = 0
  /** Whether a line ended in that one. */
  #isLineOver = false

  constructor(writing: Writing, automaton: SuffixAutomaton) {
    this.#writing = writing
    this.#automaton = automaton
  }

  get pending(): number {
    const { length } = this.#piece
    return length < HELD ? 0 : this.#bytesOf(length) + this.#gap
  }

  reset(): void {
    this.#piece = { state: 0, length: 0 }
    this.#run = this.#gap = 0
    this.#isLineOver = false
    this.#breaks = []
  }

  scan(text: string, found: (start: number, end: number) => void): void {
    const hidden = new Joined(found)
    const { canonical, endOfRun } = this.#writing
    /** Up to here every character matters. */
    let sure = 0
    for (let at = 0; at < text.length; at++) {
      if (this.#run === 0) at = this.#writing.nextRun(text, at)
      if (endOfRun !== undefined && at >= sure && this.#isLost) [at, sure] = this.#skip(text, at, endOfRun(text, at))
      if (at >= text.length) break
      const code = text.charCodeAt(at)
      const char = canonical[code] as number
      if (char === 0) this.#leave(code, at, hidden)
      else this.#enter(char, at, hidden)
    }
    hidden.close()
  }

  /** What ends here is in ordinary text too. */
  get #isLost(): boolean {
    return this.#gap === 0 && this.#breaks.length === 0 && this.#piece.length < SAMPLE
  }

  /** @returns where the next piece may begin, and up to where it must be walked through */
  #skip(text: string, at: number, end: number): [at: number, sure: number] {
    const [to, sure] = this.#nextPiece(text, at - this.#piece.length, end)
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
      this.#automaton.step(piece, this.#writing.canonical[text.charCodeAt(at + index)] as number)
      if (piece.length <= index) return false
    }
    return true
  }

  #enter(char: number, at: number, hidden: Joined): void {
    if (this.#gap > 0) this.#breaks.push({ at: this.#run, bytes: this.#gap })
    this.#gap = 0
    this.#isLineOver = false
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
    if (isLineEnd(code) && !this.#isLineOver) {
      this.#isLineOver = true
      // The rest of it is another line of a log.
      if (this.#piece.length >= HELD) hidden.add(at - this.#gap - this.#bytesOf(this.#piece.length), at)
    }
    this.#gap++
  }

  #isBreak(code: number): boolean {
    if (this.#run < this.#writing.shortestLine || this.#gap === WIDEST_BREAK) return false
    return isLineEnd(code) || (this.#isLineOver && QUOTES.has(code)) || this.#writing.separators.has(code)
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
