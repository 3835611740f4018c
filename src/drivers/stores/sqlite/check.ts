import type { DatabaseSync } from 'node:sqlite'
import { FettleError } from '../../../core/errors.ts'
import { openCopy, sqliteCode, sqliteError } from './open.ts'

/** SQLITE_ERROR: a function, collation or module that only the app brings; the check can not run, and nothing is wrong with the file. */
const GENERIC = 1

/** `PRAGMA integrity_check` of a file that nobody writes. @throws DAMAGED with SQLite's findings */
export function checkIntegrity(path: string): void {
  const database = openCopy(path)
  try {
    const findings = integrityFindings(database)
    if (findings.length > 0)
      throw new FettleError('DAMAGED', `the database ${path} fails SQLite's integrity check: ${findings[0]}`, { context: { findings } })
  } catch (error) {
    if (sqliteCode(error) !== GENERIC) throw sqliteError(error, `checking the database ${path}`)
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
