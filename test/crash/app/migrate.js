// Raises the level of the data to this version, once. Two at once would show.
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { holdAlone } from './alone.js'

const { version } = JSON.parse(readFileSync('built.json', 'utf8'))
const alone = holdAlone('migrate')
const db = new DatabaseSync(process.env.DATABASE, { timeout: 10_000 })
db.exec(`
  pragma journal_mode = wal;
  create table if not exists entries (n integer primary key, at text not null);
  create table if not exists beats (day text primary key, at text not null);
  create table if not exists levels (version integer primary key)`)
await delay(100) // so that it runs on while an agent dies and the next one comes
db.prepare('insert or ignore into levels values (?)').run(version)
db.close()
alone.close()
