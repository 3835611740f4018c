import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { renderReference } from './reference.ts'

test('docs/reference.md is what the schema says; `npm run reference` makes it so', async () => {
  assert.equal(await readFile(join(import.meta.dirname, '../docs/reference.md'), 'utf8'), renderReference())
})

test('a row has key, type, default and meaning', () => {
  const page = renderReference()
  for (const row of [
    '| `app` | text | **required** | name of the application |',
    '| `instances` | whole number | `1` | how many run side by side; `fettle scale` stands over it until a deploy says another number |',
    '| `ready.within` | duration | `30s` | give up after this time |',
    '| `test[].near-end.within` | whole number or size | `2kB` | it lies wholly in so many last bytes |',
    '| `sqlite` | text |  | file name of the database; an absolute path: a database that something else runs |',
  ])
    assert.ok(page.includes(`${row}\n`), row)
})
