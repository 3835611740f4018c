/** YAML text → the library's document, or findings. Bounded in time and memory: the lexer stops at a limit of size, parts and depth. */
import { Composer, type Document, Lexer, Parser, type YAMLError } from 'yaml'
import type { Finding, Span } from './problem.ts'

/** Far above any file that a person writes; parsing up to here takes a tenth of a second. */
const MOST_CHARACTERS = 1024 ** 2
const MOST_LEXEMES = 60_000
const DEEPEST = 40

/** Thrown where going on makes no sense; caught in `readYaml`. */
export class Stop {
  readonly finding: Finding
  constructor(finding: Finding) {
    this.finding = finding
  }
}

/** What no YAML is read from: too large a text, or signs that no text has. */
export function textFindings(text: string): Finding[] {
  if (text.length > MOST_CHARACTERS)
    return [
      {
        at: { start: 0, end: 0 },
        message: `the file is larger than 1 MiB (${(text.length / MOST_CHARACTERS).toFixed(1)} MiB) and was not read`,
      },
    ]
  const findings: Finding[] = []
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  for (const { 0: character, index } of text.matchAll(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/g)) {
    const code = character.charCodeAt(0)
    const message = code === 0xfffd ? 'bytes that are not UTF-8' : `a control character (0x${code.toString(16).padStart(2, '0')})`
    findings.push({ at: { start: index, end: index + 1 }, message: `${message} cannot stand in the file` })
    if (findings.length === 10) break
  }
  return findings
}

/** parseDocument, with a lexer that stops at a limit: some short texts make millions of lexemes or errors. */
export function compose(text: string): Document {
  function* tokens() {
    const parser = new Parser()
    let lexemes = 0
    for (const lexeme of new Lexer().lex(text)) {
      // Of the parser: the lexer's marks are lexemes too, and stand nowhere in the text.
      const at = { start: parser.offset, end: parser.offset + lexeme.length }
      if (++lexemes > MOST_LEXEMES)
        throw new Stop({ at, message: 'the file has more parts than any description of an app needs; reading stopped here' })
      // The library goes as deep as the stack allows, and the place where it gives up is chance.
      if (parser.stack.length > DEEPEST) throw new Stop({ at, message: `nested more than ${DEEPEST} levels deep` })
      yield* parser.next(lexeme)
    }
    yield* parser.end()
  }
  // Duplicates are found below: the library compares every key with every other.
  const composer = new Composer({ uniqueKeys: false, logLevel: 'silent', prettyErrors: false })
  let first: Document | undefined
  for (const document of composer.compose(tokens(), true, text.length)) {
    if (first !== undefined)
      throw new Stop({
        at: { start: document.range[0], end: document.range[0] + 3 },
        message: 'a second YAML document begins here; the file holds one',
      })
    first = document as Document
  }
  return first as Document
}

export const span = ([start, end]: readonly [number, number, ...number[]]): Span => ({ start, end })

/** The first of each line: those behind it follow from it. */
export function syntaxFindings({ errors: hard, warnings }: Document, text: string): Finding[] {
  const errors = [...hard, ...warnings]
  const findings = new Map<number, Finding>()
  for (const error of errors.slice(0, 200)) {
    const lineStart = text.lastIndexOf('\n', error.pos[0] - 1)
    if (!findings.has(lineStart)) findings.set(lineStart, { at: shownAt(span(error.pos), text), message: wording(error, text) })
  }
  return [...findings.values()]
}

/** What the end of the file lacks is shown at the last line that has something in it. */
function shownAt(at: Span, text: string): Span {
  const end = text.trimEnd().length
  if (at.start < end) return at
  const lineStart = text.lastIndexOf('\n', end - 1) + 1
  return { start: lineStart + text.slice(lineStart).search(/\S|$/), end }
}

const OPENED: Record<string, string> = { '}': '{', ']': '[' }
/** The library has one code for several slips; where it words this one otherwise some day, its own words are shown. */
const NOT_CLOSED = /end with a ([}\]])$|^Missing closing (["'])quote$/

/** The commonest slips in words that say what to do; for the others those of the library. */
function wording({ code, message, pos }: YAMLError, text: string): string {
  if (text.startsWith('${', pos[0] - 1)) return 'inside { } and [ ] a value with ${…} needs quotes'
  const [isNotClosed, bracket, quote = ''] = NOT_CLOSED.exec(message) ?? []
  if (isNotClosed !== undefined) return `a ${OPENED[bracket ?? ''] ?? quote} is opened and not closed`
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'a tab indents this line; YAML wants spaces'
    case 'MULTIPLE_DOCS':
      return 'a second YAML document begins here; the file holds one'
    case 'TAG_RESOLVE_FAILED':
      return 'tags (!…) have no meaning here'
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second key in one line; a value with a colon and a space in it needs quotes'
    case 'BAD_ALIAS':
      return 'a * without quotes begins an alias; a plain star is written "*"'
    case 'BAD_INDENT':
      return `wrong indentation: ${message}`
    default:
      return `not YAML: ${message}`
  }
}
