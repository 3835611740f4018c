/** What `wrapped-forms.ts` must know of a way to write bytes as characters that tools break into lines. */
export interface Writing {
  /** Each of its characters as the known forms have it, by code; 0: none of them. */
  readonly canonical: Uint8Array
  /** May stand between two characters of one line. */
  readonly separators: ReadonlySet<number>
  /** How many characters a line has that goes on in the next. */
  readonly shortestLine: number
  /** Where what looks like it begins, or may go on behind the end of the text; that end without any. */
  nextRun(text: string, from: number): number
  /** Where the characters end; without it each one is looked at. */
  endOfRun?(text: string, from: number): number
}

/**
 * How many characters in one line make one that tools wrapped, and a piece of a secret. 15 bytes of it in base64: what all PEM keys
 * begin with alike has 16 characters, and is no secret. Tools break at 57 and more.
 */
export const PIECE = 20
/** A break is followed by what lines are indented by, or quoted in a mail and a comment. */
export const WIDEST_BREAK = 32

export const codesOf = (chars: string): ReadonlySet<number> => new Set(Array.from(chars, char => char.charCodeAt(0)))
export const INDENT = codesOf(' \t')
export const QUOTES = codesOf(' \t>|#')
