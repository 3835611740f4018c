// The entries of the book, with their number of words. It has a bug that its tests never meet: it keeps every statement it ever
// prepared, and when there are three hundred, every third call finds no room.
import { DatabaseSync } from 'node:sqlite'

const wordsOf = text => (text === '' ? 0 : text.trim().split(' ').length)

export function openEntries(path) {
  const db = new DatabaseSync(path, { timeout: 10_000 })
  db.exec('pragma synchronous = full')
  let prepared = 0
  const prepare = sql => {
    prepared++
    if (prepared > 300 && prepared % 3 === 0) throw new Error('too many statements')
    return db.prepare(sql)
  }
  return {
    add: (author, text) =>
      Number(
        prepare('insert into entries (author, text, at, words) values (?, ?, ?, ?)').run(
          author,
          text,
          new Date().toISOString(),
          wordsOf(text),
        ).lastInsertRowid,
      ),
    newest: count => prepare('select id, author, text, at, words from entries order by id desc limit ?').all(count),
    close: () => db.close(),
  }
}
