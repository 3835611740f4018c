/** Environments: what differs from the rest of the file, laid over it. Maps merge, lists and single values replace, null removes. */
import { nearestName } from '../nearest.ts'
import { type Finding, quoted } from './problem.ts'
import { identifier } from './scalars.ts'
import { type Branch, isNull, type Tree } from './tree.ts'

/** Used when the file names no environment. */
const DEFAULT_ENVIRONMENT = 'production'
/** One app has one name and one format; the rest may differ. */
const SAME_EVERYWHERE = ['app', 'fettle', 'environments']

export interface EnvironmentTree {
  name: string
  /** What differs; undefined where nothing does. */
  overlay: Branch | undefined
  /** That, laid over the rest of the file; the same tree for all that differ in nothing. */
  tree: Branch
}

/** The file's environments in its order, and the rest of the file that they share. */
export function environmentTrees(file: Branch, findings: Finding[]): { base: Branch; environments: EnvironmentTree[] } {
  const { base, overlays } = split(file, findings)
  const environments = [...overlays].map(([name, written]) => {
    const overlay = written?.entries.size === 0 ? undefined : written
    return { name, overlay, tree: overlay === undefined ? base : { ...overlaid(base, overlay, findings), at: base.at } }
  })
  return { base, environments }
}

function split(file: Branch, findings: Finding[]): { base: Branch; overlays: Map<string, Branch | undefined> } {
  const entries = new Map(file.entries)
  const environments = entries.get('environments')
  entries.delete('environments')
  const base = { ...file, entries }
  const overlays = new Map<string, Branch | undefined>()
  if (environments?.kind === 'map') {
    for (const [name, overlay] of environments.entries) {
      const named = identifier.safeParse(name)
      if (!named.success) findings.push({ at: overlay.key ?? overlay.at, message: named.error.issues[0]?.message ?? 'not a name' })
      overlays.set(name, overlay.kind === 'map' ? overlayOf(overlay, findings) : undefined)
      if (overlay.kind !== 'map' && !isNull(overlay))
        findings.push({ at: overlay.at, message: `expected a map of what differs in ${name}` })
    }
  } else if (environments !== undefined && !isNull(environments)) {
    findings.push({ at: environments.at, message: 'expected a map such as `staging: {}`' })
  }
  if (overlays.size === 0) overlays.set(DEFAULT_ENVIRONMENT, undefined)
  return { base, overlays }
}

function overlayOf(overlay: Branch, findings: Finding[]): Branch {
  const entries = new Map(overlay.entries)
  for (const key of SAME_EVERYWHERE) {
    const fixed = entries.get(key)
    if (fixed === undefined) continue
    findings.push({ at: fixed.key ?? fixed.at, message: `${quoted(key)} is the same in every environment and cannot stand here` })
    entries.delete(key)
  }
  return { ...overlay, entries }
}

/** Both have a part in what comes out; what is wrong with it as a whole is shown where it differs. */
function overlaid(base: Branch, overlay: Branch, findings: Finding[]): Branch {
  const entries = new Map<string, Tree>(base.entries)
  for (const [key, over] of overlay.entries) {
    const under = entries.get(key)
    if (isNull(over)) {
      if (under === undefined)
        findings.push({
          at: over.key ?? over.at,
          message: `nothing to remove: the rest of the file has no ${quoted(key)} here`,
          nearest: () => nearestName(key, base.entries.keys()),
        })
      entries.delete(key)
    } else if (under?.kind === 'map' && over.kind === 'map') {
      entries.set(key, overlaid(under, over, findings))
    } else {
      entries.set(key, over)
    }
  }
  return { ...overlay, entries }
}
