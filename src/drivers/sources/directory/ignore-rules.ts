/**
 * What of a folder belongs to the source. `.fettleignore` at its root decides alone when it is there; else the `.gitignore` files
 * do, each for its folder, as for git: what is not committed is not deployed.
 */
import type { Dirent } from 'node:fs'
import { readFile } from 'node:fs/promises'
import ignore, { type Ignore } from 'ignore'
import { joinBytes } from '../../../lib/byte-path.ts'
import type { Filter } from '../../../lib/tree.ts'

export interface IgnoreOptions {
  root: Buffer
  /** Relative paths that are left out whatever the rules say: the state of fettle itself. */
  exclude: string[]
  /** Then `node_modules` is left out, since the build makes it. Without a build it is what runs: kept, whatever `.gitignore` says. */
  hasBuild: boolean
}

/** A plan for this very source, which would no longer be that source. */
const SAVED_PLAN = '.fettle-plan'

/** One file of rules, and those of the folders above. */
interface Rules {
  /** Relative path of its folder, ending in a slash; '' at the root. */
  base: string
  own: Ignore
  above: Rules | undefined
}

/** A filter for one listing, in which a folder is seen before those in it. */
export function sourceFilter({ root, exclude, hasBuild }: IgnoreOptions): Filter {
  const excluded = new Set(exclude)
  /** Folder → the rules in it. */
  const rulesOf = new Map<string, Rules | undefined>()
  let isGit = true

  const rulesFor = async (folder: string, entries: Dirent<Buffer>[], bytes: Buffer): Promise<Rules | undefined> => {
    const above = rulesOf.get(parentOf(folder))
    const has = (name: string) => entries.some(entry => entry.name.equals(Buffer.from(name)))
    const read = async (name: string) =>
      rulesFrom(folder, await readFile(joinBytes(joinBytes(root, bytes), Buffer.from(name)), 'utf8'), above)
    if (folder === '' && has('.fettleignore')) {
      isGit = false
      return read('.fettleignore')
    }
    if (isGit && /(^|\/)node_modules(\/|$)/.test(folder)) return undefined
    return isGit && has('.gitignore') ? read('.gitignore') : above
  }

  const isLeftOut = (entry: Dirent<Buffer>, path: string, rules: Rules | undefined): boolean => {
    const name = entry.name.toString()
    if (name === '.git' || name.endsWith(SAVED_PLAN) || excluded.has(path)) return true
    if (name === 'node_modules' && (hasBuild || isGit)) return hasBuild
    return isIgnored(entry.isDirectory() ? `${path}/` : path, rules)
  }

  return async (bytes, entries) => {
    const folder = bytes.toString()
    const rules = await rulesFor(folder, entries, bytes)
    rulesOf.set(folder, rules)
    return entries.filter(entry => !isLeftOut(entry, joinBytes(bytes, entry.name).toString(), rules))
  }
}

const parentOf = (folder: string): string => folder.slice(0, Math.max(0, folder.lastIndexOf('/')))

function rulesFrom(folder: string, text: string, above: Rules | undefined): Rules {
  return { base: folder === '' ? '' : `${folder}/`, own: ignore({ ignorecase: false }).add(text), above }
}

/** The nearest file that says anything about the path decides. */
function isIgnored(path: string, rules: Rules | undefined): boolean {
  for (let level = rules; level !== undefined; level = level.above) {
    const { ignored, unignored } = level.own.test(path.slice(level.base.length))
    if (ignored || unignored) return ignored
  }
  return false
}
