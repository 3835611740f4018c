import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { storeConformance } from '../../../../test/conformance/store.ts'
import { asOtherUser, asRoot } from '../../../../test/helpers/other-user.ts'
import { dumpOptions, hasCode, manifestOf, testRepository } from '../../../../test/helpers/repository.ts'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { FettleError } from '../../../core/errors.ts'
import { comparedRows, compareFingerprints } from '../../../core/fingerprint.ts'
import { Fingerprint, Loss, type SnapshotPart } from '../../../core/snapshot.ts'
import { sqliteStore } from './index.ts'

const config = { sqlite: 'app.db' }
const signal = new AbortController().signal

function execute(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

storeConformance('sqlite', {
  store: sqliteStore,
  config,
  fill: path => execute(path, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t (b) VALUES ('x'), ('y'), ('z')"),
  change: path => execute(path, "INSERT INTO t (b) VALUES ('n1'), ('n2'); UPDATE t SET b = 'changed' WHERE a = 1"),
  changeBack: path => execute(path, "DELETE FROM t WHERE b LIKE 'n%'; UPDATE t SET b = 'x' WHERE a = 1; VACUUM"),
})

describe('sqlite', async () => {
  const base = temporaryFolder()
  const { repository } = await testRepository(base)
  let count = 0

  function database(sql: string): { folder: string; path: string } {
    const folder = join(base, `db${++count}`)
    mkdirSync(folder)
    const path = join(folder, 'app.db')
    execute(path, sql)
    return { folder, path }
  }
  const fingerprint = (folder: string) => sqliteStore.fingerprint(folder, config, signal)
  const fingerprintOf = async (sql: string) => fingerprint(database(sql).folder)
  async function dump(folder: string, previous?: SnapshotPart): Promise<SnapshotPart> {
    await repository.begin(`op${++count}`)
    const options = dumpOptions(join(base, 'scratch'), previous === undefined ? {} : { previous })
    return sqliteStore.dump(folder, config, repository.sink(`op${count}`), options)
  }
  async function load(part: SnapshotPart): Promise<string> {
    const folder = join(base, `loaded${++count}`)
    await sqliteStore.load(part, repository.source(), folder, config, { durable: true, signal })
    return folder
  }
  const lossOf = (part: SnapshotPart, folder: string) =>
    sqliteStore.changedSince(part, repository.source(), folder, config, { scratch: join(base, 'scratch'), signal })
  const differs = async (a: string, b: string) => compareFingerprints(await fingerprintOf(a), await fingerprintOf(b)).length > 0

  test('a link to a database is followed, and nothing of reading it is left beside either', async () => {
    const { folder, path } = database('PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES (1)')
    const linked = join(base, `linked${++count}`)
    mkdirSync(linked)
    symlinkSync(path, join(linked, 'app.db'))
    const found = await fingerprint(linked)
    assert.deepEqual([readdirSync(folder), readdirSync(linked)], [['app.db'], ['app.db']])
    const part = await dump(linked)
    assert.deepEqual(compareFingerprints(part.fingerprint, found), [])
    assert.deepEqual(compareFingerprints(part.fingerprint, await fingerprint(await load(part))), [])
  })

  test('a database that was damaged when it was backed up is DAMAGED by the name of its store, and it is said what to do', async () => {
    const { folder, path } = database("CREATE TABLE t (a); INSERT INTO t VALUES ('x'); CREATE INDEX i ON t (a)")
    const broken = new DatabaseSync(path)
    broken.enableDefensive?.(false)
    broken.exec("PRAGMA writable_schema = on; DELETE FROM sqlite_schema WHERE name = 'i'; INSERT INTO t VALUES ('y')")
    broken.close()
    const part = await dump(folder)
    await assert.rejects(load(part), error => {
      assert.ok(error instanceof FettleError && error.code === 'DAMAGED')
      assert.match(error.message, /^the database of store data fails SQLite's integrity check: /)
      assert.match(error.hint ?? '', /fettle drill/)
      return true
    })
  })

  test('where no database is, it is said what is there instead', async () => {
    const folder = join(base, `other${++count}`)
    mkdirSync(join(folder, 'app.db'), { recursive: true })
    await assert.rejects(dump(folder), /there is no database .*app\.db: it is a folder/)
    await assert.rejects(fingerprint(folder), hasCode('NOT_FOUND'))
    rmdirSync(join(folder, 'app.db'))
    symlinkSync('/nowhere', join(folder, 'app.db'))
    await assert.rejects(dump(folder), /it is a link to \/nowhere, where nothing is/)
  })

  const values = [
    ['1', '1.0'],
    ['1', "'1'"],
    ["'1'", "x'31'"],
    ['NULL', "''"],
    ["''", "x''"],
    ['0.0', '-0.0'],
    ["'a'", "'A'"],
    ["'a'", "'a '"],
    ['9007199254740993', '9007199254740992'],
    ['0.1', '0.10000000000000002'],
    ["cast(x'ff' as text)", "cast(x'fe' as text)"],
    ["cast(x'ff' as text)", "x'ff'"],
    ['char(65533)', "cast(x'ff' as text)"],
    ["'a' || char(0)", "'a'"],
    ["'é'", "'e' || char(769)"],
  ] as const
  for (const [a, b] of values) {
    test(`${a} and ${b} are different values`, async () => {
      const table = (value: string) => `CREATE TABLE t (v); INSERT INTO t VALUES (${value})`
      assert.ok(await differs(table(a), table(b)))
      assert.ok(!(await differs(table(a), table(a))))
    })
  }

  const names = ['__proto__', 'constructor', 'toString', 'sequence of t', './x', 'we"ird \n name', '']
  for (const name of names) {
    test(`a table called ${JSON.stringify(name)} is in the fingerprint, also as JSON, and its lost rows are counted`, async () => {
      const quoted = `"${name.replaceAll('"', '""')}"`
      const { folder, path } = database(`
        CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (7);
        CREATE TABLE ${quoted} (a); INSERT INTO ${quoted} VALUES (1)`)
      const part = await dump(folder)
      const kept = Fingerprint.parse(JSON.parse(JSON.stringify(part.fingerprint)))
      assert.equal(comparedRows(kept), 2)
      assert.equal(kept.items['sequence of t']?.content, 'at-least:7')
      assert.deepEqual(compareFingerprints(kept, await fingerprint(await load(part))), [])
      execute(path, `INSERT INTO ${quoted} VALUES (2), (3)`)
      assert.equal(compareFingerprints(kept, await fingerprint(folder)).length, 1)
      const { items } = await lossOf(part, folder)
      assert.deepEqual(Object.values(Loss.shape.items.parse(JSON.parse(JSON.stringify(items)))), [2])
      execute(path, `DROP TABLE ${quoted}`)
      assert.equal(compareFingerprints(kept, await fingerprint(folder)).length, 2)
    })
  }

  test('a fingerprint that an earlier fettle took of a table called __proto__, or as the sequence is, has the same content', async () => {
    const { folder } = database(`
      CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (7); CREATE TABLE "sequence of t" (a);
      CREATE TABLE "__proto__" (a)`)
    const now = await fingerprint(folder)
    const { t, 'sequence of t': sequence } = now.items
    assert.ok(t !== undefined && sequence !== undefined)
    assert.deepEqual(compareFingerprints({ ...now, items: { t, 'sequence of t': sequence } }, now), [])
  })

  test('a table of which only the app knows the order is backed up, and it is said that nothing of it is compared', async () => {
    const { folder, path } = database('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
    const python = "c.create_collation('OWN', lambda a, b: (a > b) - (a < b))"
    const inPython = (statement: string) =>
      execFileSync('python3', ['-c', `import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\n${python}\n${statement}\nc.commit()`, path])
    inPython(`c.executescript("""CREATE TABLE own (a TEXT COLLATE own PRIMARY KEY) WITHOUT ROWID; INSERT INTO own VALUES ('x');
      CREATE TABLE sorted (a TEXT COLLATE own); CREATE INDEX i ON sorted (a); INSERT INTO sorted VALUES ('y')""")`)
    const part = await dump(folder)
    assert.deepEqual(part.notes, ['table own: backed up, but only the app can read it, so it is not compared'])
    assert.deepEqual(Object.keys(part.fingerprint.items).sort(), ['sorted', 't'])
    assert.deepEqual(compareFingerprints(part.fingerprint, await fingerprint(await load(part))), [])
    execute(path, 'INSERT INTO t VALUES (2)')
    assert.deepEqual(await lossOf(part, folder), { items: { t: 1 }, precision: 'at-least' })
  })

  test('a table of as many columns as there may be is read exactly', async () => {
    const names = Array.from({ length: 2000 }, (_, n) => `c${n}`)
    const table = (last: string) => `CREATE TABLE t (${names}); INSERT INTO t (c0, c1, c1999) VALUES (cast(x'ff' as text), x'41', ${last})`
    assert.equal(await differs(table("cast(x'ff' as text)"), table("x'ff'")), true)
    assert.equal(await differs(table("cast(x'ff' as text)"), table("cast(x'ff' as text)")), false)
  })

  test('columns do not run into each other, duplicates count, the order of rows does not', async () => {
    const table = (rows: string) => `CREATE TABLE t (a, b); INSERT INTO t VALUES ${rows}`
    assert.ok(await differs(table("('ab', 'c')"), table("('a', 'bc')")))
    assert.ok(await differs(table("('a', 'b')"), table("('a', 'b'), ('a', 'b'), ('a', 'b')")))
    assert.ok(!(await differs(table("('a', 1), ('b', 2)"), table("('b', 2), ('a', 1)"))))
  })

  test('the shape counts: columns, indices, triggers, views, user_version', async () => {
    const plain = 'CREATE TABLE t (a, b)'
    const changed = [
      'CREATE INDEX i ON t (a)',
      'CREATE VIEW v AS SELECT a FROM t',
      'PRAGMA user_version = 7',
      'PRAGMA application_id = 7',
      'ALTER TABLE t ADD COLUMN c',
      'CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE a = 0; END',
    ]
    for (const sql of changed) assert.ok(await differs(plain, `${plain}; ${sql}`), sql)
  })

  test('VACUUM, ANALYZE, WAL mode and page size are no difference', async () => {
    const rows = 'CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 2), (3, 4), (5, 6); DELETE FROM t WHERE a = 1'
    for (const sql of ['VACUUM', 'ANALYZE', 'PRAGMA journal_mode = wal', 'PRAGMA page_size = 8192; VACUUM', 'REINDEX'])
      assert.ok(!(await differs(rows, `${rows}; ${sql}`)), sql)
  })

  test('tables WITHOUT ROWID, generated columns, full-text search and odd names are read', async () => {
    const odd = `CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('k', 1);
      CREATE TABLE g (a, b GENERATED ALWAYS AS (a * 2) STORED, c AS (a * 3) VIRTUAL); INSERT INTO g VALUES (1);
      CREATE VIRTUAL TABLE f USING fts5 (body); INSERT INTO f VALUES ('hello world');
      CREATE TABLE "odd ""name" ("a b" INTEGER, "select" TEXT); INSERT INTO "odd ""name" VALUES (1, 'x')`
    const { folder } = database(odd)
    const part = await dump(folder)
    const items = part.fingerprint.items
    assert.deepEqual([items.w?.rows, items.g?.rows, items['odd "name']?.rows], [1, 1, 1])
    assert.ok((items.f_content?.rows ?? 0) > 0, 'shadow tables are content')
    assert.match(part.notes?.join() ?? '', /virtual table f/)
    assert.deepEqual(compareFingerprints(part.fingerprint, await fingerprint(await load(part))), [])
    assert.ok(await differs(odd, odd.replace('hello world', 'hello there')))
  })

  test('to be compared, a database in WAL mode gets nothing beside it; what somebody has open stays as it is', async () => {
    const { folder, path } = database("PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES ('x')")
    const found = await fingerprint(folder)
    assert.deepEqual(readdirSync(folder), ['app.db'])
    const writer = new DatabaseSync(path)
    writer.exec("INSERT INTO t VALUES ('y')")
    assert.ok(compareFingerprints(found, await fingerprint(folder)).length > 0)
    assert.deepEqual(readdirSync(folder), ['app.db', 'app.db-shm', 'app.db-wal'])
    writer.close()
  })

  test('a sequence may be further on, but not back', async () => {
    const table = (last: number) => `CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (${last}); DELETE FROM t`
    const [ten, twelve] = [await fingerprintOf(table(10)), await fingerprintOf(table(12))]
    assert.deepEqual(compareFingerprints(ten, twelve), [])
    assert.deepEqual(compareFingerprints(twelve, ten), [{ item: 'sequence of t', what: '10 instead of at least 12' }])
  })

  test('UTF-16 databases are read', async () => {
    const utf16 = "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (v); INSERT INTO t VALUES ('žluťoučký')"
    const part = await dump(database(utf16).folder)
    assert.deepEqual(compareFingerprints(part.fingerprint, await fingerprint(await load(part))), [])
  })

  for (const mode of ['wal', 'delete']) {
    test(`a dump is of one moment while another process writes, journal mode ${mode}`, async () => {
      const { folder, path } = database(
        `PRAGMA journal_mode = ${mode}; CREATE TABLE a (n INTEGER); CREATE TABLE b (n INTEGER); INSERT INTO a VALUES (0); INSERT INTO b VALUES (0)`,
      )
      const script = `const db = new (require('node:sqlite').DatabaseSync)(process.argv[1], { timeout: 20000 })
        process.stdout.write('ready')
        for (let n = 1; ; n++) db.exec('BEGIN IMMEDIATE; UPDATE a SET n = ' + n + '; INSERT INTO b VALUES (' + n + '); COMMIT')`
      const writer = spawn(process.execPath, ['--no-warnings', '-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(writer.stdout, 'data')
      try {
        for (let round = 0; round < 5; round++) {
          const restored = await load(await dump(folder))
          const sql = 'SELECT (SELECT n FROM a) - (SELECT max(n) FROM b)'
          assert.equal(await sqliteStore.query?.(restored, config, sql, 10_000), 0)
        }
      } finally {
        writer.kill('SIGKILL')
        await once(writer, 'exit')
      }
    })
  }

  test('committed rows that are only in the -wal of a killed writer are dumped', async () => {
    const { folder, path } = database('PRAGMA journal_mode = wal; CREATE TABLE t (a)')
    const script = `const db = new (require('node:sqlite').DatabaseSync)(process.argv[1])
      db.exec('PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (1)'); process.kill(process.pid, 'SIGKILL')`
    await once(spawn(process.execPath, ['--no-warnings', '-e', script, path], { stdio: 'ignore' }), 'exit')
    assert.ok(readdirSync(folder).includes('app.db-wal'))
    assert.equal((await dump(folder)).fingerprint.items.t?.rows, 1)
  })

  test('a rollback journal left by a killed writer is rolled back by SQLite, not ignored', async () => {
    const { folder, path } = database(
      "CREATE TABLE t (a); INSERT INTO t SELECT 'old' FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000) SELECT x FROM c)",
    )
    const script = `const db = new (require('node:sqlite').DatabaseSync)(process.argv[1])
      db.exec("PRAGMA cache_size = 1; BEGIN; UPDATE t SET a = 'new'"); process.kill(process.pid, 'SIGKILL')`
    await once(spawn(process.execPath, ['--no-warnings', '-e', script, path], { stdio: 'ignore' }), 'exit')
    assert.ok(readdirSync(folder).includes('app.db-journal'))
    const restored = await load(await dump(folder))
    assert.equal(await sqliteStore.query?.(restored, config, "SELECT count(*) FROM t WHERE a = 'old'", 10_000), 5000)
  })

  test('a dump leaves the folder of the live database as it was', async () => {
    const { folder } = database('CREATE TABLE t (a)')
    await dump(folder)
    await fingerprint(folder)
    assert.deepEqual(readdirSync(folder), ['app.db'])
  })

  test('a file that is no database is DAMAGED, and so is one with a broken page', async () => {
    const { folder, path } = database('CREATE TABLE t (a)')
    writeFileSync(path, 'this is no database, but it is long enough to be taken for one '.repeat(100))
    await assert.rejects(dump(folder), { code: 'DAMAGED', hint: /Without a snapshot, `sqlite3 FILE \.recover`/ })
    await assert.rejects(fingerprint(folder), hasCode('DAMAGED'))
  })

  test('what a damaged database would lose by going back is unknown, and does not stop anybody from it', async () => {
    const { folder, path } = database('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
    await repository.begin('good')
    const part = await sqliteStore.dump(folder, config, repository.sink('good'), dumpOptions(join(base, 'scratch')))
    await repository.commit('good', manifestOf('good', [part]))
    writeFileSync(path, 'this is no database, but it is long enough to be taken for one '.repeat(100))
    const options = { scratch: join(base, 'scratch'), signal }
    const loss = await sqliteStore.changedSince(part, repository.source(), folder, config, options)
    assert.deepEqual(loss, { items: {}, precision: 'unknown' })
  })

  test('a query reaches no other file', async () => {
    const { folder } = database('CREATE TABLE t (a)')
    const other = join(base, 'other.db')
    for (const sql of [`VACUUM INTO '${other}'`, `ATTACH '${other}' AS other`])
      await assert.rejects(async () => sqliteStore.query?.(folder, config, sql, 10_000), /authoriz/)
    assert.equal(existsSync(other), false)
  })

  test('the mode is that of the last dump, also where nothing else changed', async () => {
    const { folder, path } = database('CREATE TABLE t (a)')
    chmodSync(path, 0o660)
    const first = await dump(folder)
    chmodSync(path, 0o600)
    const second = await dump(folder, first)
    assert.equal(second.reused, true)
    assert.equal(statSync(join(await load(second), 'app.db')).mode & 0o777, 0o600)
  })

  test('a database with a WAL in a folder that may not be written is REFUSED, and it is said why', asRoot, async () => {
    const place = mkdtempSync(join(tmpdir(), 'fettle-closed-'))
    const folder = join(place, 'closed')
    mkdirSync(folder)
    execute(join(folder, 'app.db'), 'PRAGMA journal_mode = wal; CREATE TABLE t (a)')
    chmodSync(folder, 0o555)
    chmodSync(place, 0o755)
    await asOtherUser(() =>
      assert.rejects(fingerprint(folder), error => {
        assert.ok(error instanceof FettleError && error.code === 'REFUSED')
        assert.match(error.hint ?? '', /its folder/)
        return true
      }),
    )
    rmSync(place, { recursive: true })
  })

  test('a query is stopped at its time limit, and can not write', async () => {
    const { folder } = database('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
    const ask = (sql: string, timeoutMs: number) => sqliteStore.query?.(folder, config, sql, timeoutMs) ?? Promise.resolve(null)
    const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
    await assert.rejects(ask(endless, 300), hasCode('TIMEOUT'))
    await assert.rejects(ask('DELETE FROM t', 10_000), hasCode('TEST_FAILED'))
    assert.equal(await ask('SELECT count(*) FROM t', 10_000), 1)
    assert.equal(await ask('SELECT 9007199254740993', 10_000), '9007199254740993')
    assert.equal(await ask("SELECT x'00ff'", 10_000), '00ff')
    assert.equal(await ask('SELECT a FROM t WHERE a = 2', 10_000), null)
  })

  test('a database whose tables need what only its app brings can still be restored', async () => {
    const { folder, path } = database('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
    const own = new DatabaseSync(path)
    own.function('mine', { deterministic: true }, value => value as number)
    own.exec('CREATE INDEX i ON t (mine(a))')
    own.close()
    const part = await dump(folder)
    assert.deepEqual(compareFingerprints(part.fingerprint, await fingerprint(await load(part))), [])
  })
})
