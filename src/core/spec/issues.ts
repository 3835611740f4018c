/** What zod found, in the words of the file: place, what was expected, the name that was probably meant. */
import type * as z from 'zod'
import { nearestName } from '../nearest.ts'
import { type JsonSchema, schemasAt, specJsonSchema } from './json-schema.ts'
import { type Finding, quoted, visible } from './problem.ts'
import { namesAt, nearestAt, type Tree } from './tree.ts'

type Issue = z.core.$ZodIssue
/** A finding and the path of the value that it condemns. */
export interface LocatedFinding extends Finding {
  path: PropertyKey[]
  /** The key that it lacks, where that is the mistake. */
  missing?: string
}

const TYPE_WORDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
}

export function describeIssues(issues: Issue[], tree: Tree): LocatedFinding[] {
  const schema = specJsonSchema()
  return issues.flatMap(issue => new Description(schema, tree, issue.path).of(issue))
}

class Description {
  readonly #schema: JsonSchema
  readonly #tree: Tree
  readonly #path: PropertyKey[]
  constructor(schema: JsonSchema, tree: Tree, path: PropertyKey[]) {
    this.#schema = schema
    this.#tree = tree
    this.#path = path
  }

  of(issue: Issue): LocatedFinding[] {
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map(key => this.#unknownKey(key))
      case 'invalid_union':
        return this.#union(issue.errors)
      case 'invalid_key':
        return [this.#atKey(`${issue.issues[0]?.message ?? 'not a name'}; found ${visible(String(this.#path.at(-1)).slice(0, 60))}`)]
      case 'invalid_value':
        return [this.#notOneOf(issue.values)]
      default:
        return [this.#wrongValue(issue)]
    }
  }

  #atKey(message: string): LocatedFinding {
    const { tree } = nearestAt(this.#tree, this.#path)
    return { path: this.#path, at: tree.key ?? tree.at, message }
  }

  #unknownKey(key: string): LocatedFinding {
    const path = [...this.#path, key]
    const { tree } = nearestAt(this.#tree, path)
    const known = schemasAt(this.#schema, this.#path).flatMap(schema => Object.keys(schema.properties ?? {}))
    // Known, but to another kind of the same thing: `sqlite` beside `files`.
    if (known.includes(key)) return { path, at: tree.key ?? tree.at, message: `expected only one of the keys ${known.join(', ')}` }
    const otherwise = `known here: ${[...new Set(known)].join(', ')}`
    return { path, at: tree.key ?? tree.at, message: `unknown key ${quoted(key)}`, nearest: () => nearestName(key, known), otherwise }
  }

  #notOneOf(values: unknown[]): LocatedFinding {
    const { tree, isExact } = nearestAt(this.#tree, this.#path)
    const words = values.map(String)
    const written = tree.kind === 'leaf' && isExact ? tree.written : ''
    const expected = words.length === 1 ? words[0] : `one of ${words.join(', ')}`
    // The right letters as another type: `"1"` for 1.
    if (words.includes(written)) return { path: this.#path, at: tree.at, message: `expected ${expected} without quotes` }
    return { path: this.#path, at: tree.at, message: `expected ${expected}`, nearest: () => nearestName(written, words) }
  }

  #wrongValue(issue: Issue): LocatedFinding {
    const { tree, isExact } = nearestAt(this.#tree, this.#path)
    const isNamed = typeof this.#path.at(-1) !== 'number'
    const isMissing = isNamed && issue.code === 'invalid_type' && (!isExact || foundWord(tree) === 'nothing')
    if (!isMissing) return { path: this.#path, at: tree.at, message: this.#message(issue, tree) }
    const [parent, key] = [this.#path.slice(0, -1), String(this.#path.at(-1))]
    const [meaning] = schemasAt(this.#schema, this.#path).flatMap(schema => schema.description ?? [])
    const place = tree.key ?? { start: tree.at.start, end: tree.at.start }
    const message = `${quoted(key)} is missing${meaning === undefined ? '' : ` (${meaning})`}`
    return { path: parent, missing: key, at: place, message, nearest: () => this.#sibling(parent) }
  }

  /** What is incomplete may be meant for another of its kind: an environment that changes a service whose name was mistyped. */
  #sibling(path: readonly PropertyKey[]): string | undefined {
    const name = String(path.at(-1) ?? '')
    const { tree, isExact } = nearestAt(this.#tree, path.slice(0, -1))
    if (!isExact || tree.kind !== 'map') return undefined
    return nearestName(
      name,
      [...tree.entries.keys()].filter(other => other !== name),
    )
  }

  #message(issue: Issue, tree: Tree): string {
    const isOurs = /^[a-z]/.test(issue.message)
    if (isOurs)
      return `${issue.message}${tree.kind === 'leaf' ? `; found ${visible(tree.written.slice(0, 60))}` : `; found ${foundWord(tree)}`}`
    if (issue.code === 'invalid_type') {
      const isFraction = tree.kind === 'leaf' && typeof tree.value === 'number' && issue.expected === 'int'
      return `expected ${TYPE_WORDS[issue.expected] ?? issue.expected}, found ${isFraction ? tree.written : foundWord(tree)}`
    }
    if (issue.code === 'too_small')
      return issue.origin === 'string'
        ? 'must not be empty'
        : `expected at least ${issue.minimum}, found ${tree.kind === 'leaf' ? tree.written : foundWord(tree)}`
    if (issue.code === 'too_big') return `expected at most ${issue.maximum}, found ${tree.kind === 'leaf' ? tree.written : foundWord(tree)}`
    return issue.message
  }

  #union(branches: Issue[][]): LocatedFinding[] {
    const { tree } = nearestAt(this.#tree, this.#path)
    const fitting = branches.filter(issues => !issues.some(issue => issue.path.length === 0 && isOfAnotherKind(issue, tree)))
    if (fitting.length > 1 && tree.kind === 'map') return this.#mapUnion(fitting)
    const best = fitting[0]
    if (best !== undefined) return this.#branch(best)
    const ours = branches.flat().find(issue => /^[a-z]/.test(issue.message))
    if (ours !== undefined) return this.#branch([ours])
    const types = schemasAt(this.#schema, this.#path).flatMap(({ type = [] }) => type)
    const words = types.map(type => TYPE_WORDS[type] ?? type)
    const place = foundWord(tree) === 'nothing' ? (tree.key ?? tree.at) : tree.at
    return [{ path: this.#path, at: place, message: `expected ${[...new Set(words)].join(' or ')}, found ${foundWord(tree)}` }]
  }

  /** A map whose keys say which kind it is, as in `stores`. */
  #mapUnion(branches: Issue[][]): LocatedFinding[] {
    const known = schemasAt(this.#schema, this.#path).flatMap(schema => Object.keys(schema.properties ?? {}))
    const written = namesAt(this.#tree, ...this.#path.map(String)).filter(key => !key.startsWith('x-'))
    const unknown = written.filter(key => !known.includes(key))
    if (unknown.length > 0) return unknown.map(key => this.#unknownKey(key))
    const list = [...new Set(known)].join(', ')
    if (written.length === 0) return [this.#atKey(`expected one of the keys ${list}`)]
    if (written.length > 1) return [this.#atKey(`expected only one of the keys ${list}; found ${written.join(' and ')}`)]
    return this.#branch(branches.toSorted((a, b) => a.length - b.length)[0] ?? [])
  }

  #branch(issues: Issue[]): LocatedFinding[] {
    return issues.flatMap(issue => {
      const path = [...this.#path, ...issue.path]
      return new Description(this.#schema, this.#tree, path).of(issue)
    })
  }
}

/** A branch of the union that the value was not meant for: a type that it has not, or a word where it is a map or a list. */
const isOfAnotherKind = ({ code }: Issue, { kind }: Tree): boolean =>
  code === 'invalid_type' || (code === 'invalid_value' && kind !== 'leaf')

function foundWord(tree: Tree): string {
  if (tree.kind !== 'leaf') return tree.kind === 'list' ? 'a list' : 'a map'
  if (tree.value === null) return 'nothing'
  if (typeof tree.value === 'boolean') return String(tree.value)
  if (typeof tree.value === 'string') return 'text'
  return Number.isFinite(tree.value) ? 'a number' : tree.written
}
