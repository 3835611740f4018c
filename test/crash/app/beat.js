// A singleton: writes a row of the day. Two at once would show.
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { holdAlone } from './alone.js'

if (JSON.parse(readFileSync('built.json', 'utf8')).sick === 'beat') process.exit(1)
const alone = holdAlone('beat')
const db = new DatabaseSync(process.env.DATABASE, { timeout: 10_000 })
const beat = db.prepare('insert into beats values (?1, ?2) on conflict (day) do update set at = excluded.at')
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
while (!stop.signal.aborted) {
  const now = new Date().toISOString()
  beat.run(now.slice(0, 10), now)
  await delay(500, undefined, { signal: stop.signal }).catch(() => {})
}
db.close()
alone.close()
