/** What is no store is gone with the next release: said before it happens. */
import assert from 'node:assert/strict'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { EnvironmentStatus } from '../../src/api/views.ts'
import type { Plan } from '../../src/core/plan.ts'
import { openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

const warnings = ({ lines }: Plan): string[] =>
  lines.filter(({ text, tone }) => tone === 'warn' && /database|written/.test(text)).map(({ text }) => text)

const WRITER = `
import { DatabaseSync } from 'node:sqlite'
new DatabaseSync('users.db').exec('create table if not exists users (name)')
`

test('databases in the source and in the folder of the release that serves are named in the plan, until they are stores', async t => {
  const site = await openInstallation(async into => {
    await assembleSmall(into)
    await appendFile(join(into, 'server.js'), WRITER)
    for (const name of ['places.db', 'dev.sqlite3']) new DatabaseSync(join(into, name)).exec('create table places (name)')
  })
  t.after(() => site.close())
  const { plan: first } = await site.must(['deploy'])
  assert.deepEqual(
    warnings(first).map(text => text.split(' ')[0]),
    ['dev.sqlite3', 'places.db'],
  )
  assert.match(warnings(first)[0] ?? '', /in the source is a database: each release gets a copy of its own.*under `stores:`/)

  await site.edit('fettle.yaml', text => `${text}stores:\n  data: { sqlite: users.db }\n`)
  const { plan: second } = await site.must(['deploy'])
  const [written, ...others] = warnings(second)
  assert.match(
    written ?? '',
    /^users\.db was written by r1 in its own folder.*must open `\$\{stores\.data\.path\}` instead; what it holds is in \/.*\/users\.db$/,
  )
  assert.deepEqual(others, [], 'what the release never wrote to is no loss')
})

test('a file with neither services nor stores is not deployed, and its status claims nothing', async t => {
  const site = await openInstallation(async into => {
    await mkdir(into, { recursive: true })
    await writeFile(join(into, 'fettle.yaml'), 'app: nothing\n')
  })
  t.after(() => site.close())
  const { code, error } = await site.operate(['up'])
  assert.deepEqual([code, error?.code], [2, 'SPEC_INVALID'])
  assert.match(error?.message ?? '', /neither services nor stores: there is nothing to run/)
  assert.deepEqual((await site.look<{ environments: EnvironmentStatus[] }>(['status'])).environments, [])
})
