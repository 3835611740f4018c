/**
 * Reads every row of a table as exact bytes: type tag and value of each column, so that 1, 1.0, '1' and x'31', -0.0 and 0.0, NULL and
 * '' all differ. Implicit rowids are left out (VACUUM renumbers them), and virtual generated columns (they store nothing).
 */
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { NEEDS_THE_APP, sqliteCode } from './open.ts'

/** Rows between two turns of the event loop: some 20 ms. */
const ROWS_PER_TURN = 10_000
const STORED_GENERATED = 3

export type RowSink = (record: Uint8Array) => void

/** Name and kind of everything that stores rows of its own. */
export interface Table {
  name: string
  columns: string[]
}

/** Tables that hold content; the engine's own statistics and the sequence table are not. `closed` can not be read by SQLite alone. */
export function contentTables(database: DatabaseSync): { tables: Table[]; closed: Table[] } {
  const names = tableNames(database, "type IN ('table', 'shadow') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
  const all = names.map(name => ({ name, columns: storedColumns(database, name) }))
  const { tables = [], closed = [] } = Object.groupBy(all, table => (isReadable(database, table) ? 'tables' : 'closed'))
  return { tables, closed }
}

/** Not one WITHOUT ROWID whose key is sorted by a collation of the app: it is the index that SQLite would have to walk through. */
function isReadable(database: DatabaseSync, { name, columns }: Table): boolean {
  try {
    database.prepare(selectFrom(name, columns.map(quoteName)))
    return true
  } catch (error) {
    if (sqliteCode(error) !== NEEDS_THE_APP) throw error
    return false
  }
}

/** Names of virtual tables: their rows live in shadow tables, which are content tables, or outside the database. */
export const virtualTables = (database: DatabaseSync): string[] => tableNames(database, "type = 'virtual'")

/**
 * Gives each row's record to a sink made by `start`. A text that is not valid UTF-8 can not be told from its repaired form as a
 * string; the scan then starts again, with a fresh sink, reading text as bytes (half as fast).
 */
export async function scanTable<Result>(
  database: DatabaseSync,
  table: Table,
  start: () => { row: RowSink; result: Result },
  signal: AbortSignal,
): Promise<Result> {
  const fast = start()
  if (await scan(database, table, fast.row, false, signal)) return fast.result
  const exact = start()
  await scan(database, table, exact.row, true, signal)
  return exact.result
}

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

function tableNames(database: DatabaseSync, where: string): string[] {
  const rows = database.prepare(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND ${where} ORDER BY name`).all()
  return rows.map(row => String(row.name))
}

function storedColumns(database: DatabaseSync, table: string): string[] {
  const rows = database.prepare('SELECT name, hidden FROM pragma_table_xinfo(?)').all(table)
  return rows.filter(row => row.hidden === 0 || row.hidden === STORED_GENERATED).map(row => String(row.name))
}

/** NOT INDEXED: the table itself, not a covering index that should agree with it. */
const selectFrom = (table: string, columns: string[]): string => `SELECT ${columns.join(', ')} FROM main.${quoteName(table)} NOT INDEXED`

/** False when it stopped at a text that only an exact scan can read. */
async function scan(database: DatabaseSync, table: Table, row: RowSink, exact: boolean, signal: AbortSignal): Promise<boolean> {
  const columns = table.columns.map(quoteName)
  const rows = rowsOf(database, table, exact ? columns.map(textAsBytes) : columns)
  // In a statement of its own, which walks the same way: a table may have as many columns as a result.
  const texts = exact ? rowsOf(database, table, columns.map(isText)) : undefined
  const encoder = new RowEncoder()
  let untilTurn = ROWS_PER_TURN
  for (const values of rows) {
    const record = encoder.encode(values, texts?.next().value)
    if (record === undefined) return false
    row(record)
    if (--untilTurn > 0) continue
    untilTurn = ROWS_PER_TURN
    await turn()
    signal.throwIfAborted()
  }
  return true
}

function rowsOf(database: DatabaseSync, table: Table, columns: string[]): IterableIterator<SqlValue[], undefined> {
  const statement = database.prepare(selectFrom(table.name, columns))
  statement.setReadBigInts(true)
  statement.setReturnArrays(true)
  return statement.iterate() as Iterable<unknown> as IterableIterator<SqlValue[], undefined>
}

const isText = (column: string) => `typeof(${column}) = 'text'`
const textAsBytes = (column: string) => `CASE ${isText(column)} WHEN 1 THEN CAST(${column} AS BLOB) ELSE ${column} END`

type SqlValue = null | bigint | number | string | Uint8Array

const NULL = 0
const INTEGER = 1
const REAL = 2
const TEXT = 3
const BLOB = 4
/** Tag and length, or tag and a 64-bit value. */
const HEAD = 9

/** One growing buffer for all rows: what `encode` gives is valid until the next call. */
class RowEncoder {
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #length = 0

  /** @param texts 1 where bytes are those of a text @returns undefined where a text is not exact as a string */
  encode(values: SqlValue[], texts?: SqlValue[]): Uint8Array | undefined {
    this.#length = 0
    for (let at = 0; at < values.length; at++) {
      const value = values[at] as SqlValue
      if (typeof value === 'string') {
        if (value.includes('\ufffd')) return undefined
        this.#text(value)
      } else if (value instanceof Uint8Array) this.#bytes(texts?.[at] === 1n ? TEXT : BLOB, value)
      else this.#fixed(value)
    }
    return this.#buffer.subarray(0, this.#length)
  }

  #fixed(value: null | bigint | number): void {
    this.#reserve(HEAD)
    const at = this.#length
    if (value === null) {
      this.#buffer[at] = NULL
      this.#length = at + 1
      return
    }
    if (typeof value === 'bigint') {
      this.#buffer[at] = INTEGER
      this.#buffer.writeBigInt64LE(value, at + 1)
    } else {
      this.#buffer[at] = REAL
      this.#buffer.writeDoubleLE(value, at + 1)
    }
    this.#length = at + HEAD
  }

  #text(value: string): void {
    // A UTF-16 unit becomes at most three bytes.
    this.#reserve(HEAD + value.length * 3)
    this.#head(TEXT, this.#buffer.write(value, this.#length + HEAD, 'utf8'))
  }

  #bytes(tag: number, value: Uint8Array): void {
    this.#reserve(HEAD + value.length)
    this.#buffer.set(value, this.#length + HEAD)
    this.#head(tag, value.length)
  }

  #head(tag: number, length: number): void {
    this.#buffer[this.#length] = tag
    this.#buffer.writeDoubleLE(length, this.#length + 1)
    this.#length += HEAD + length
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
