import type { DatabaseSync } from 'node:sqlite'
import { FettleError } from '../../../core/errors.ts'
import { NEEDS_THE_APP, openCopy, sqliteCode, sqliteError } from './open.ts'

/** Its bytes are those that were backed up. */
const NEXT =
  'It was so when it was backed up: `PRAGMA integrity_check` shows whether the live one still is. `fettle snapshots` lists older ones, `fettle drill ID` tries one.'

/** `PRAGMA integrity_check` of a store's file that nobody writes. @throws DAMAGED with SQLite's findings */
export function checkIntegrity(path: string, store: string): void {
  const database = openCopy(path)
  try {
    const findings = integrityFindings(database)
    if (findings.length > 0)
      throw new FettleError('DAMAGED', `the database of store ${store} fails SQLite's integrity check: ${findings[0]}`, {
        context: { findings },
        hint: NEXT,
      })
  } catch (error) {
    // Then the check can not run, and nothing is wrong with the file.
    if (sqliteCode(error) !== NEEDS_THE_APP) throw sqliteError(error, `checking the database of store ${store}`, NEXT)
  } finally {
    database.close()
  }
}

function integrityFindings(database: DatabaseSync): string[] {
  const findings = database
    .prepare('PRAGMA integrity_check(20)')
    .all()
    .map(row => String(row.integrity_check))
  return findings.filter(finding => finding !== 'ok')
}
