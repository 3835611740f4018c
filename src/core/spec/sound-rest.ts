/** What is left of a file when its mistakes are taken out: so that one look shows the problems of the rest too. */
import { describeIssues, type LocatedFinding } from './issues.ts'
import { parseOnce, type Spec } from './schema.ts'
import { type Branch, childOf, type Tree, toPlain } from './tree.ts'

/** Both without the same parts, so that an index in a list means the same item. */
export interface SoundRest {
  spec: Spec
  tree: Branch
}

/** Valid in the place of a required value, so that what stands beside it is looked at; an address no other has. */
const STAND_INS: Record<string, (offset: number) => string> = {
  app: () => 'app',
  run: () => ':',
  host: offset => `host-${offset}`,
  http: () => '/',
}

type Fault = Pick<LocatedFinding, 'path' | 'missing'>

/** @returns undefined when nothing is left that means anything */
export function soundRest(tree: Branch, condemned: LocatedFinding[]): SoundRest | undefined {
  const left = mended(tree, condemned)
  if (left?.kind !== 'map') return undefined
  const result = parseOnce(toPlain(left))
  if (result.success) return { spec: result.data, tree: left }
  // Taking a part away may leave its parent incomplete: each round goes at least one level up, or puts in what is valid.
  return soundRest(left, describeIssues(result.error.issues, left))
}

/** The tree without the values that are at fault, and with stand-ins for those that are missing; undefined: it is itself at fault. */
function mended(tree: Tree, faults: Fault[]): Tree | undefined {
  if (faults.length === 0) return tree
  const here = faults.filter(({ path }) => path.length === 0)
  const below = Map.groupBy(
    faults.filter(({ path }) => path.length > 0),
    ({ path }) => String(path[0]),
  )
  const isLost = faults.some(({ path: [step], missing }) => (step === undefined ? !canStandIn(missing) : childOf(tree, step) === undefined))
  if (isLost || tree.kind === 'leaf') return undefined
  const keep = (child: Tree, step: string | number): Tree | undefined =>
    mended(
      child,
      (below.get(String(step)) ?? []).map(fault => ({ ...fault, path: fault.path.slice(1) })),
    )
  if (tree.kind === 'list') return { ...tree, items: tree.items.flatMap((item, index) => keep(item, index) ?? []) }
  const entries = new Map<string, Tree>()
  for (const [key, child] of tree.entries) {
    const kept = keep(child, key)
    if (kept !== undefined) entries.set(key, kept)
  }
  for (const { missing = '' } of here) entries.set(missing, standIn(missing, tree))
  return { ...tree, entries, isPartial: true }
}

const canStandIn = (key: string | undefined): boolean => key !== undefined && Object.hasOwn(STAND_INS, key)

function standIn(key: string, { at }: Tree): Tree {
  const value = STAND_INS[key]?.(at.start) ?? ''
  return { kind: 'leaf', at, size: 1, value, written: value }
}
