// The entries of the book. An entry is on disk before `add` returns.
import { DatabaseSync } from 'node:sqlite'

export function openEntries(path) {
  const db = new DatabaseSync(path, { timeout: 10_000 })
  db.exec('pragma synchronous = full')
  const insert = db.prepare('insert into entries (author, text, at) values (?, ?, ?)')
  const newest = db.prepare('select id, author, text, at from entries order by id desc limit ?')
  return {
    add: (author, text) => Number(insert.run(author, text, new Date().toISOString()).lastInsertRowid),
    newest: count => newest.all(count),
    close: () => db.close(),
  }
}
