import type { DatabaseSync } from 'node:sqlite'
import { tableItem } from '../../../core/fingerprint.ts'
import { digestOf } from '../../../lib/content-sum.ts'
import type { Loss } from '../../../ports/store.ts'
import { contentTables, scanTable, type Table } from './scan.ts'

/** Table → rows in `now` that `before` lacks or holds with other values. Exact, up to a collision of 64-bit hashes and closed tables. */
export async function lostRows(now: DatabaseSync, before: DatabaseSync, signal: AbortSignal): Promise<Loss> {
  const known = new Map(contentTables(before).tables.map(table => [table.name, table]))
  const { tables, closed } = contentTables(now)
  const lost = new Map<string, number>()
  for (const table of tables) {
    const earlier = known.get(table.name)
    const present = await rowDigests(now, table, signal)
    const kept = earlier === undefined ? new BigUint64Array() : await rowDigests(before, earlier, signal)
    const rows = countMissing(present, kept)
    if (rows > 0) lost.set(tableItem(table.name), rows)
  }
  return { items: Object.fromEntries(lost), precision: closed.length > 0 ? 'at-least' : 'exact' }
}

/** Sorted, one for each row. */
async function rowDigests(database: DatabaseSync, table: Table, signal: AbortSignal): Promise<BigUint64Array> {
  const start = () => {
    const result = new DigestList()
    return { row: (record: Uint8Array) => result.add(digestOf(record)), result }
  }
  return (await scanTable(database, table, start, signal)).sorted()
}

/** How many of `present`, counted with duplicates, are not in `kept`; both sorted. */
function countMissing(present: BigUint64Array, kept: BigUint64Array): number {
  let missing = 0
  let at = 0
  for (const digest of present) {
    while (at < kept.length && (kept[at] as bigint) < digest) at++
    if (at < kept.length && kept[at] === digest) at++
    else missing++
  }
  return missing
}

/** Eight bytes a row, where a Set of strings would take a hundred. */
class DigestList {
  #digests = new BigUint64Array(1024)
  #length = 0

  add(digest: string): void {
    if (this.#length === this.#digests.length) {
      const larger = new BigUint64Array(this.#length * 2)
      larger.set(this.#digests)
      this.#digests = larger
    }
    this.#digests[this.#length++] = Buffer.from(digest, 'latin1').readBigUInt64LE()
  }

  sorted(): BigUint64Array {
    return this.#digests.subarray(0, this.#length).sort()
  }
}
