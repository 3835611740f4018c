/**
 * The values of the file with their places. Everything that looks at the raw file works on this: an overlay is laid over a tree, so
 * a problem in a merged value still knows the line it came from.
 */
import type { Span } from './problem.ts'

interface Placed {
  at: Span
  /** The key that leads here, when the parent is a map. */
  key?: Span
  /** Values in it, itself included, aliases counted as often as they stand. */
  size: number
}
export interface Leaf extends Placed {
  kind: 'leaf'
  value: string | number | boolean | null
  /** As written, without quotes: `1.10` is not 1.1 in an environment variable. */
  written: string
}
export interface Branch extends Placed {
  kind: 'map'
  entries: Map<string, Tree>
  /** What was at fault in it is left out: nothing can be said about what it lacks. */
  isPartial?: true
}
export interface List extends Placed {
  kind: 'list'
  items: Tree[]
}
export type Tree = Leaf | Branch | List

export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain }

/** Maps whose keys are names that the author chose. In all others a key with `x-` is an extension, and one without a value was not written. */
const NAMED = new Set(['services', 'stores', 'secrets', 'environments', 'env'])

export function toPlain(tree: Tree, named: string | false = false): Plain {
  if (tree.kind === 'leaf') return named === 'env' && tree.value !== null ? tree.written : tree.value
  if (tree.kind === 'list') return tree.items.map(item => toPlain(item))
  const entries: [string, Plain][] = []
  for (const [key, value] of tree.entries) {
    const isIgnored = named === false && (key.startsWith('x-') || isNull(value))
    if (isIgnored) continue
    if (named === 'env') entries.push([key, value.kind === 'leaf' ? toPlain(value, 'env') : toPlain(value)])
    else entries.push([key, toPlain(value, named === false && NAMED.has(key) && key)])
  }
  return Object.fromEntries(entries)
}

export const isNull = (tree: Tree | undefined): boolean => tree?.kind === 'leaf' && tree.value === null

/** The value at the path, or the nearest one above that exists. */
export function nearestAt(tree: Tree, path: PropertyKey[]): { tree: Tree; isExact: boolean } {
  let at = tree
  for (const step of path) {
    const next = childOf(at, step)
    if (next === undefined) return { tree: at, isExact: false }
    at = next
  }
  return { tree: at, isExact: true }
}

export function childOf(tree: Tree | undefined, step: PropertyKey): Tree | undefined {
  if (tree?.kind === 'map') return tree.entries.get(String(step))
  return tree?.kind === 'list' ? tree.items[Number(step)] : undefined
}

/** Names in the map at the path, whether their values are right or not. */
export function namesAt(tree: Tree, ...path: string[]): string[] {
  const { tree: at, isExact } = nearestAt(tree, path)
  if (!isExact) return []
  if (at.kind === 'map') return [...at.entries.keys()]
  return at.kind === 'list' ? at.items.flatMap(item => (item.kind === 'leaf' ? [item.written] : [])) : []
}
