/** YAML text → tree with places, or findings. Bounded in time and memory whatever the text is: size, lexemes, depth and aliases have limits. */
import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Pair,
  Parser,
  type YAMLError,
  type Node as YamlNode,
} from 'yaml'
import { nearestName } from '../nearest.ts'
import { type Finding, quoted, type Span } from './problem.ts'
import { type Branch, isNull, type Tree } from './tree.ts'

/** Far above any file that a person writes; parsing up to here takes a tenth of a second. */
const MOST_CHARACTERS = 1024 ** 2
const MOST_LEXEMES = 60_000
const MOST_VALUES = 10_000
const DEEPEST = 40

/** Thrown inside this module where going on makes no sense. */
class Stop {
  readonly finding: Finding
  constructor(finding: Finding) {
    this.finding = finding
  }
}

/** `tree` is undefined when the findings leave nothing to look at. */
export function readYaml(text: string): { tree?: Branch; findings: Finding[] } {
  const broken = textFindings(text)
  if (broken.length > 0) return { findings: broken }
  try {
    const document = compose(text)
    const errors = syntaxFindings([...document.errors, ...document.warnings], text)
    if (errors.length > 0) return { findings: errors }
    const builder = new TreeBuilder(text)
    const tree = document.contents === null ? undefined : builder.build(document.contents as YamlNode)
    if (tree === undefined || isNull(tree))
      throw new Stop({ at: { start: 0, end: 0 }, message: 'the file is empty; it needs at least `app: <name>`' })
    if (tree.kind !== 'map')
      throw new Stop({
        at: tree.at,
        message: `expected a map such as \`app: <name>\`, found ${tree.kind === 'list' ? 'a list' : 'a single value'}`,
      })
    return { tree, findings: builder.findings }
  } catch (error) {
    if (error instanceof Stop) return { findings: [error.finding] }
    throw error
  }
}

function textFindings(text: string): Finding[] {
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
function compose(text: string): Document {
  function* tokens() {
    const parser = new Parser()
    let offset = 0
    let lexemes = 0
    for (const lexeme of new Lexer().lex(text)) {
      if (++lexemes > MOST_LEXEMES)
        throw new Stop({
          at: { start: offset, end: offset },
          message: 'the file has more parts than any description of an app needs; reading stopped here',
        })
      // The library goes as deep as the stack allows, and the place where it gives up is chance.
      if (parser.stack.length > DEEPEST)
        throw new Stop({ at: { start: offset, end: offset }, message: `nested more than ${DEEPEST} levels deep` })
      offset += lexeme.length
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

const span = ([start, end]: readonly [number, number, ...number[]]): Span => ({ start, end })

/** The first of each line: those behind it follow from it. */
function syntaxFindings(errors: YAMLError[], text: string): Finding[] {
  const findings = new Map<number, Finding>()
  for (const error of errors.slice(0, 200)) {
    const lineStart = text.lastIndexOf('\n', error.pos[0] - 1)
    if (!findings.has(lineStart)) findings.set(lineStart, { at: span(error.pos), message: wording(error, text) })
  }
  return [...findings.values()]
}

/** The commonest slips in words that say what to do; for the others those of the library. */
function wording({ code, message, pos }: YAMLError, text: string): string {
  if (text.startsWith('${', pos[0] - 1)) return 'inside { } and [ ] a value with ${…} needs quotes'
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

class TreeBuilder {
  readonly findings: Finding[] = []
  readonly #anchors = new Map<string, Tree>()
  readonly #text: string
  #values = 0
  constructor(text: string) {
    this.#text = text
  }

  build(node: YamlNode): Tree {
    const at = span([node.range?.[0] ?? 0, node.range?.[1] ?? 0])
    const tree = isAlias(node) ? this.#alias(node.source, at) : this.#value(node, at)
    if (!isAlias(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, tree)
    return tree
  }

  #count(values: number, at: Span): void {
    this.#values += values
    if (this.#values > MOST_VALUES)
      throw new Stop({ at, message: `more than ${MOST_VALUES} values (aliases counted as often as they stand); reading stopped here` })
  }

  #alias(name: string, at: Span): Tree {
    const target = this.#anchors.get(name)
    if (target === undefined) {
      this.findings.push({ at, message: `no anchor &${name} stands before this alias`, nearest: nearestName(name, this.#anchors.keys()) })
      return { kind: 'leaf', at, size: 1, value: null, written: '' }
    }
    this.#count(target.size, at)
    return target
  }

  #value(node: YamlNode, at: Span): Tree {
    this.#count(1, at)
    const before = this.#values
    if (isMap(node)) {
      const entries = this.#entries(node.items as Pair<YamlNode, YamlNode | null>[])
      return { kind: 'map', at, entries, size: this.#values - before + 1 }
    }
    if (isSeq(node)) {
      const items = (node.items as YamlNode[]).map(item => this.build(item))
      return { kind: 'list', at, items, size: this.#values - before + 1 }
    }
    const value: unknown = isScalar(node) ? node.value : null
    const isPlain = value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    if (!isPlain) this.findings.push({ at, message: 'expected text, a number, true or false' })
    const written = isScalar(node) && typeof node.source === 'string' && typeof value !== 'string' ? node.source : String(value)
    return { kind: 'leaf', at, size: 1, value: isPlain ? value : null, written }
  }

  #entries(pairs: Pair<YamlNode, YamlNode | null>[]): Map<string, Tree> {
    const entries = new Map<string, Tree>()
    const merged: Tree[] = []
    for (const { key, value } of pairs) {
      const keySpan = span([key?.range?.[0] ?? 0, key?.range?.[1] ?? 0])
      if (!isScalar(key) || key.value === null) {
        this.findings.push({ at: keySpan, message: 'a key must be text' })
        continue
      }
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
      const tree = value === null ? nothingAt(keySpan.end) : this.build(value)
      const isMerge = name === '<<' && this.#text.startsWith('<<', keySpan.start)
      if (isMerge) merged.push(...(tree.kind === 'list' ? tree.items : [tree]))
      else if (entries.has(name)) this.findings.push({ at: keySpan, message: `the key ${quoted(name)} stands here twice` })
      else entries.set(name, { ...tree, key: keySpan })
    }
    // What stands in the map itself wins, then the earlier of the merged.
    for (const tree of merged) {
      if (tree.kind !== 'map') this.findings.push({ at: tree.at, message: '<< merges maps only' })
      else for (const [name, inherited] of tree.entries) if (!entries.has(name)) entries.set(name, inherited)
    }
    return entries
  }
}

const nothingAt = (offset: number): Tree => ({ kind: 'leaf', at: { start: offset, end: offset }, size: 1, value: null, written: '' })
