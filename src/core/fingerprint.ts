import type { Difference, Fingerprint } from './snapshot.ts'

const AT_LEAST = 'at-least:'

/** Where `actual` is not what `expected` says, sorted by item; empty means equal content. */
export function compareFingerprints(expected: Fingerprint, actual: Fingerprint): Difference[] {
  if (expected.driver !== actual.driver) return [{ item: '', what: `a ${actual.driver} store instead of ${expected.driver}` }]
  const differences: Difference[] = expected.schema === actual.schema ? [] : [{ item: 'schema', what: 'schema differs' }]
  for (const item of [...new Set([...Object.keys(expected.items), ...Object.keys(actual.items)])].sort()) {
    const what = compareItem(expected.items[item], actual.items[item])
    if (what !== undefined) differences.push({ item, what })
  }
  return differences
}

/** Rows and files that a comparison of this fingerprint covers. */
export function comparedRows(fingerprint: Fingerprint): number {
  return Object.values(fingerprint.items).reduce((total, item) => total + item.rows, 0)
}

type Item = Fingerprint['items'][string]

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
