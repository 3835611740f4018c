import { execFile } from 'node:child_process'
import { FettleError } from '../../../core/errors.ts'

/** Reads {path, sql} on standard input, writes {value} or {failed}. CommonJS, because that is what `node -e` runs. */
const SCRIPT = `
const { path, sql } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
let answer
try {
  const { DatabaseSync, constants } = require('node:sqlite')
  const database = new DatabaseSync(path, { readOnly: true, timeout: 10000 })
  // No other file: VACUUM INTO attaches the one that it writes. Node before 24.10 can not forbid it.
  database.setAuthorizer?.(action => (action === constants.SQLITE_ATTACH ? constants.SQLITE_DENY : constants.SQLITE_OK))
  const statement = database.prepare(sql)
  statement.setReadBigInts(true)
  const value = Object.values(statement.get() ?? {})[0] ?? null
  answer = { value: typeof value === 'bigint' ? (Number.isSafeInteger(Number(value)) ? Number(value) : String(value))
    : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value }
} catch (error) {
  answer = { failed: error.message }
}
process.stdout.write(JSON.stringify(answer))
`

/**
 * First value of the first row; a blob as hex, an integer beyond 2^53 as text. In a process of its own, because SQLite in this one
 * could not be stopped: a query runs to its end, and an expectation may be a cartesian product.
 */
export function firstValue(path: string, sql: string, timeoutMs: number): Promise<string | number | null> {
  return new Promise((resolve, reject) => {
    const argv = ['--no-warnings', '-e', SCRIPT]
    const child = execFile(process.execPath, argv, { timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout) => {
      if (error?.killed === true) reject(new FettleError('TIMEOUT', `the query did not end within ${timeoutMs} ms: ${sql}`))
      else if (error !== null) reject(new FettleError('TEST_FAILED', `the query's process failed: ${sql}`, { cause: error }))
      else {
        const answer = JSON.parse(stdout) as { value: string | number | null } | { failed: string }
        if ('failed' in answer) reject(new FettleError('TEST_FAILED', `the query failed: ${answer.failed}`, { context: { sql } }))
        else resolve(answer.value)
      }
    })
    // A child that could not start has no one to read its input; the callback above says why.
    child.stdin?.on('error', () => {})
    child.stdin?.end(JSON.stringify({ path, sql }))
  })
}
