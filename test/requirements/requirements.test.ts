import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readRequirements, renderPage, shownIds } from '../../scripts/requirements.ts'
import { commands } from './commands.ts'

const home = join(import.meta.dirname, '../..')
const read = await readRequirements(home)
const known = new Set(read.requirements.map(({ id }) => id))

test('docs/requirements.md says what the titles of the tests show', async () => {
  const page = await readFile(join(home, 'docs/requirements.md'), 'utf8')
  assert.ok(page === renderPage(read), 'docs/requirements.md is stale: run `npm run requirements` and commit the page')
})

test('every id that a title carries is one of the requirements', () => {
  assert.deepEqual(
    read.claims.filter(({ ids }) => !ids.every(id => known.has(id))),
    [],
  )
})

test('every requirement that is shown names its command in test/requirements/commands.ts, and nothing else is named there', () => {
  assert.deepEqual(
    shownIds(read.claims).filter(id => commands[id] === undefined),
    [],
  )
  assert.deepEqual(
    Object.keys(commands).filter(id => !known.has(id)),
    [],
  )
})

test('no two requirements share an id', () => {
  assert.equal(known.size, read.requirements.length)
})
