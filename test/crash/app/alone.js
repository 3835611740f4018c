// Shows two at once: whoever finds the lock taken writes down what it is. The kernel frees the lock however its holder ends.
import { appendFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/** @returns what must be kept for as long as nobody else may run */
export function holdAlone(what) {
  const lock = new DatabaseSync(`${process.env.DATABASE}.${what}`, { timeout: 0 })
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    appendFileSync(process.env.OVERLAPS, `two of ${what} at once on ${process.env.DATABASE}: ${error.message}\n`)
  }
  return lock
}
