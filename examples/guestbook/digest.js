// Sums up the day, every second. Two of these at once would write over each other: it is a singleton.

import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'

const db = new DatabaseSync(process.env.DATABASE ?? 'guestbook.db', { timeout: 10_000 })
const sumUp = db.prepare(`
  insert into digest (day, entries, updated, pid)
  select ?1, count(*), ?2, ?3 from entries where at >= ?1
  on conflict (day) do update set entries = excluded.entries, updated = excluded.updated, pid = excluded.pid`)

const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
console.log(`digest ${process.pid} starts`)

while (!stop.signal.aborted) {
  const now = new Date().toISOString()
  sumUp.run(now.slice(0, 10), now, process.pid)
  await delay(1000, undefined, { signal: stop.signal }).catch(() => undefined)
}
db.close()
console.log(`digest ${process.pid} ends`)
