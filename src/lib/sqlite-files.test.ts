import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { databasesIn, isDatabase, mayBeDatabase } from './sqlite-files.ts'

async function folderWith(t: TestContext, databases: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-databases-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const path of databases) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    const database = new DatabaseSync(join(folder, path))
    database.exec('CREATE TABLE t (x)')
    database.close()
  }
  return folder
}

test('a database is known by its name and its first bytes, not by one of them', async t => {
  const folder = await folderWith(t, ['app.db', 'other.bin'])
  await writeFile(join(folder, 'words.db'), 'SQLite format 3 is what this text is about')
  await writeFile(join(folder, 'empty.db'), '')
  assert.deepEqual(
    (await databasesIn(folder)).map(({ path }) => path),
    ['app.db'],
  )
  assert.equal(await isDatabase(join(folder, 'other.bin')), true)
  assert.equal(await isDatabase(join(folder, 'missing.db')), false)
})

test('databases of tools are none of the app', async t => {
  const folder = await folderWith(t, ['data/deep/app.sqlite3', 'node_modules/x/cache.db', '.venv/x.sqlite', 'a/vendor/b.db'])
  assert.deepEqual(
    (await databasesIn(folder)).map(({ path }) => path),
    ['data/deep/app.sqlite3'],
  )
  assert.deepEqual(['x/node_modules/a.db', 'a.db', 'a.dbx', 'A.SQLITE'].map(mayBeDatabase), [false, true, false, true])
  assert.deepEqual(await databasesIn(join(folder, 'missing')), [])
})

test('a database was written when its write-ahead log was', async t => {
  const folder = await folderWith(t, ['app.db'])
  await utimes(join(folder, 'app.db'), 1000, 1000)
  assert.equal((await databasesIn(folder))[0]?.writtenMs, 1_000_000)
  await writeFile(join(folder, 'app.db-wal'), '')
  await utimes(join(folder, 'app.db-wal'), 2000, 2000)
  assert.equal((await databasesIn(folder))[0]?.writtenMs, 2_000_000)
})
