import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs'

/** What is at a path, in words, where something else was expected; '' when nothing is. A link counts as what it leads to. */
export function whatIsThere(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats !== undefined) return kindOf(stats)
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
  return isLink ? `a link to ${readlinkSync(path)}, where nothing is` : ''
}

/** The end of a sentence that says what is missing. */
export function butThereIs(path: string): string {
  const found = whatIsThere(path)
  return found === '' ? '' : `: it is ${found}`
}

export function kindOf(stats: Pick<Stats, 'isFile' | 'isDirectory' | 'isSocket' | 'isFIFO'>): string {
  if (stats.isFile()) return 'a file'
  if (stats.isDirectory()) return 'a folder'
  return stats.isSocket() ? 'a socket' : stats.isFIFO() ? 'a pipe' : 'a device'
}
