import type { Difference, Fingerprint } from './snapshot.ts'

const AT_LEAST = 'at-least:'

/** The one name that a plain object loses as a key: zod leaves it out, an assignment sets the prototype. */
const LOST_AS_KEY = '__proto__'
/** No table may begin so, and no folder's name holds a slash. */
const TABLE = 'sqlite_table '
const FOLDER = './'
/** Earlier fingerprints left these out; that there is such a table at all is part of the schema. */
const wasLeftOut = (item: string): boolean => item.startsWith(TABLE) || item.startsWith(FOLDER)

/** The item of a table: its name, but where that can not be one or is `taken` by something else. */
export const tableItem = (name: string, taken?: ReadonlySet<string>): string =>
  name === LOST_AS_KEY || taken?.has(name) ? `${TABLE}${name}` : name

/** The item of a folder at the top, by its name as it is shown. */
export const folderItem = (name: string): string => (name === LOST_AS_KEY ? `${FOLDER}${name}` : name)

/** Where `actual` is not what `expected` says, sorted by item; empty means equal content. */
export function compareFingerprints(expected: Fingerprint, actual: Fingerprint): Difference[] {
  if (expected.driver !== actual.driver) return [{ item: '', what: `a ${actual.driver} store instead of ${expected.driver}` }]
  const differences: Difference[] = expected.schema === actual.schema ? [] : [{ item: 'schema', what: 'schema differs' }]
  const [before, now] = [itemsOf(expected), itemsOf(actual)]
  for (const item of [...new Set([...before.keys(), ...now.keys()])].sort()) {
    if (!before.has(item) && wasLeftOut(item)) continue
    const what = compareItem(before.get(item), now.get(item))
    if (what !== undefined) differences.push({ item, what })
  }
  return differences
}

/** Rows and files that a comparison of this fingerprint covers. */
export function comparedRows(fingerprint: Fingerprint): number {
  return Object.values(fingerprint.items).reduce((total, item) => total + item.rows, 0)
}

type Item = Fingerprint['items'][string]

/** By any name, also one that every object has, such as `constructor`. */
const itemsOf = ({ items }: Fingerprint): ReadonlyMap<string, Item> => new Map(Object.entries(items))

function compareItem(expected: Item | undefined, actual: Item | undefined): string | undefined {
  if (actual === undefined) return 'missing'
  if (expected === undefined) return 'was not there'
  if (expected.content.startsWith(AT_LEAST) && actual.content.startsWith(AT_LEAST)) {
    const [least, is] = [expected, actual].map(item => BigInt(item.content.slice(AT_LEAST.length))) as [bigint, bigint]
    return is < least ? `${is} instead of at least ${least}` : undefined
  }
  if (expected.rows !== actual.rows) return `${actual.rows} rows instead of ${expected.rows}`
  return expected.content === actual.content ? undefined : 'content differs'
}
