import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { tableItem } from '../../../core/fingerprint.ts'
import { canonicalJson } from '../../../core/json.ts'
import { ContentSum } from '../../../lib/content-sum.ts'
import type { Fingerprint } from '../../../ports/store.ts'
import { contentTables, scanTable } from './scan.ts'

/** Of everything the connection sees: give it a view, or a copy, to have it of one moment. */
export async function fingerprintOf(database: DatabaseSync, signal: AbortSignal): Promise<Fingerprint> {
  const items = sequences(database)
  const taken = new Set(items.keys())
  for (const table of contentTables(database).tables) {
    const start = () => {
      const result = new ContentSum()
      return { row: (record: Uint8Array) => result.add(record), result }
    }
    const sum = await scanTable(database, table, start, signal)
    items.set(tableItem(table.name, taken), { rows: sum.rows, content: sum.hex() })
  }
  return { format: 1, driver: 'sqlite', of: 'shared-view', schema: schemaHash(database), items: Object.fromEntries(items) }
}

/** Of all definitions, in an order of its own; page numbers, page size and journal mode are not part of it (VACUUM changes them). */
function schemaHash(database: DatabaseSync): string {
  const definitions = database
    .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name")
    .all()
    .map(row => [row.type, row.name, row.tbl_name, row.sql].map(value => (value === null ? null : String(value))))
  const pragma = (name: string) => String(database.prepare(`PRAGMA ${name}`).get()?.[name])
  const pragmas = ['encoding', 'user_version', 'application_id'].map(name => [name, pragma(name)])
  return createHash('sha256').update(canonicalJson({ definitions, pragmas })).digest('hex')
}

/** A sequence must not go back, or numbers given out would be given out again; that it is further on is no difference. */
function sequences(database: DatabaseSync): Map<string, Fingerprint['items'][string]> {
  const exists = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").get()
  if (exists === undefined) return new Map()
  const rows = database.prepare("SELECT name, CAST(seq AS TEXT) AS seq FROM sqlite_sequence WHERE typeof(seq) = 'integer'").all()
  return new Map(rows.map(row => [`sequence of ${row.name}`, { rows: 0, content: `at-least:${row.seq}` }]))
}
