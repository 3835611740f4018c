/** YAML text → tree with places, or findings. Aliases are followed without being copied, and counted as often as they stand. */
import { isAlias, isMap, isScalar, isSeq, type Pair, type Node as YamlNode } from 'yaml'
import { nearestName } from '../nearest.ts'
import { type Finding, quoted, type Span } from './problem.ts'
import { type Branch, isNull, type Tree } from './tree.ts'
import { compose, Stop, span, syntaxFindings, textFindings } from './yaml-document.ts'

const MOST_VALUES = 10_000
/** Those that say what a value is anyway; the others make something of it that has no counterpart here. */
const PLAIN_TAG = /^tag:yaml\.org,2002:(str|int|float|bool|null|seq|map)$/

/** `tree` is undefined when the findings leave nothing to look at. */
export function readYaml(text: string): { tree?: Branch; findings: Finding[] } {
  const broken = textFindings(text)
  if (broken.length > 0) return { findings: broken }
  try {
    const document = compose(text)
    const errors = syntaxFindings(document, text)
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
    return { ...(builder.isWhole ? { tree } : {}), findings: builder.findings }
  } catch (error) {
    if (error instanceof Stop) return { findings: [error.finding] }
    throw error
  }
}

class TreeBuilder {
  readonly findings: Finding[] = []
  /** False: a value is not known, and what follows from its absence would be no mistake of its own. */
  isWhole = true
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

  #miss(finding: Finding): void {
    this.isWhole = false
    this.findings.push(finding)
  }

  #count(values: number, at: Span): void {
    this.#values += values
    if (this.#values > MOST_VALUES)
      throw new Stop({ at, message: `more than ${MOST_VALUES} values (aliases counted as often as they stand); reading stopped here` })
  }

  #alias(name: string, at: Span): Tree {
    const target = this.#anchors.get(name)
    if (target === undefined) {
      this.#miss({
        at,
        message: `no anchor &${name} stands before this alias`,
        nearest: () =>
          nearestName(
            name,
            [...this.#anchors.keys()].filter(other => other !== name),
          ),
      })
      return { kind: 'leaf', at, size: 1, value: null, written: '' }
    }
    this.#count(target.size, at)
    return target
  }

  #value(node: YamlNode, at: Span): Tree {
    this.#count(1, at)
    const before = this.#values
    if (node.tag !== undefined && !PLAIN_TAG.test(node.tag)) this.#miss({ at, message: 'tags (!…) have no meaning here' })
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
    if (!isPlain && node.tag === undefined) this.#miss({ at, message: 'expected text, a number, true or false' })
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
      // As a property it would change what every object inherits, or be lost: some layer below always builds a plain object.
      if (name === '__proto__') this.findings.push({ at: keySpan, message: 'the key "__proto__" can name nothing: choose another name' })
      else if (isMerge) merged.push(...(tree.kind === 'list' ? tree.items : [tree]))
      else if (entries.has(name)) this.findings.push({ at: keySpan, message: `the key ${quoted(name)} stands here twice` })
      else entries.set(name, { ...tree, key: keySpan })
    }
    // What stands in the map itself wins, then the earlier of the merged.
    for (const tree of merged) {
      if (tree.kind !== 'map') this.#miss({ at: tree.at, message: '<< merges maps only' })
      else for (const [name, inherited] of tree.entries) if (!entries.has(name)) entries.set(name, inherited)
    }
    return entries
  }
}

const nothingAt = (offset: number): Tree => ({ kind: 'leaf', at: { start: offset, end: offset }, size: 1, value: null, written: '' })
