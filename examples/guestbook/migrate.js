// Brings the database to the form this release needs: runs each file of migrations/ once, in order, each in one transaction
// with its number. Repeatable; two at once wait for each other.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const folder = join(import.meta.dirname, 'migrations')
const db = new DatabaseSync(process.env.DATABASE ?? 'guestbook.db', { timeout: 10_000 })
db.exec('pragma journal_mode = wal; pragma synchronous = full')

const version = () => db.prepare('pragma user_version').get().user_version

for (const file of readdirSync(folder).sort()) {
  const number = Number.parseInt(file, 10)
  db.exec('begin immediate')
  try {
    if (version() < number) {
      console.log(`migrating: ${file}`)
      db.exec(readFileSync(join(folder, file), 'utf8'))
      db.exec(`pragma user_version = ${number}`)
    }
    db.exec('commit')
  } catch (error) {
    db.exec('rollback')
    console.error(`${file} failed: ${error.message}`)
    process.exit(1)
  }
}
console.log(`the database is at version ${version()}`)
