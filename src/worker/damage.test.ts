/**
 * The test of the verifier itself: backups and what was restored from them are damaged on purpose, and each damage must be noticed;
 * what is no damage must not.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { dumpOptions, manifestOf, nameOf, testRepository } from '../../test/helpers/repository.ts'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import type { StoreAt } from '../core/data-tasks.ts'
import { FettleError } from '../core/errors.ts'
import { compareFingerprints } from '../core/fingerprint.ts'
import { canonicalJson, type Json } from '../core/json.ts'
import { stores } from '../drivers/registry.ts'
import { createDirectoryRepository } from '../drivers/repositories/directory/index.ts'
import { systemClock } from '../lib/clock.ts'
import type { Manifest } from '../ports/repository.ts'
import type { SnapshotPart, Store } from '../ports/store.ts'
import { load } from './load.ts'

const base = temporaryFolder()
const signal = new AbortController().signal
const OLD = 1_600_000_000
const live = join(base, 'live')
const target = await testRepository(join(base, 'made'))
const sqlite = stores.get('sqlite') as Store
const files = stores.get('files') as Store
let count = 0

const DATABASE = `
  PRAGMA user_version = 3;
  CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT DEFAULT 'none', body TEXT, score REAL, any_value);
  CREATE INDEX by_title ON entries (title);
  CREATE TABLE twins (a, b);
  CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
  CREATE TABLE blobs (name, data BLOB);
  CREATE TABLE untouched (x);
  CREATE VIRTUAL TABLE search USING fts5 (body);
  CREATE TRIGGER guard BEFORE DELETE ON untouched BEGIN SELECT 1; END;
  INSERT INTO entries (title, body, score, any_value) VALUES ('one', 'first', 1.5, 1), ('two', 'second', -0.0, '2'), ('three', NULL, 3, NULL),
    ('four', '', 0.1, 9007199254740993), ('five', 'case', 5, -0.0);
  INSERT INTO twins VALUES (1, 2), (1, 2), (3, 4), (5, 6);
  INSERT INTO keyed VALUES ('a', 1), ('b', 2);
  INSERT INTO blobs VALUES ('noise', randomblob(5000)), ('x', x'00ff10');
  INSERT INTO search VALUES ('the quick brown fox');
  INSERT INTO untouched VALUES (1), (2), (3)`

function makeLive(): void {
  mkdirSync(join(live, 'data'), { recursive: true })
  onDatabase(join(live, 'data'), DATABASE)
  const root = join(live, 'uploads')
  for (const folder of ['', 'photos', 'photos/2024', 'empty', 'docs']) mkdirSync(join(root, folder), { recursive: true })
  const write = (name: string, text: string) => {
    writeFileSync(join(root, name), text)
    utimesSync(join(root, name), OLD, OLD)
  }
  write('readme', 'hello')
  write('photos/2024/a.jpg', 'a'.repeat(70_000))
  write('photos/2024/b.jpg', 'b'.repeat(70_000))
  write('docs/x', 'same')
  write('docs/y', 'other')
  write('docs/run', '#!/bin/sh')
  chmodSync(join(root, 'docs/run'), 0o755)
  symlinkSync('x', join(root, 'docs/link'))
}

const onDatabase = (folder: string, sql: string) => {
  const database = new DatabaseSync(join(folder, 'app.db'))
  database.exec(sql)
  database.close()
}

const places = (folder: string): StoreAt[] => [
  { name: 'data', driver: 'sqlite', config: { sqlite: 'app.db' }, folder: join(folder, 'data') },
  { name: 'uploads', driver: 'files', config: { files: '.' }, folder: join(folder, 'uploads') },
]

/** A snapshot of a database, and of files as a full archive with a delta on it. */
async function makeSnapshot(): Promise<Manifest> {
  const { repository } = target
  const dumpWith = (store: Store, name: string, config: unknown, previous?: SnapshotPart) =>
    store.dump(join(live, name), config, repository.sink('op'), {
      ...dumpOptions(join(base, 'scratch')),
      store: name,
      cache: join(base, 'cache'),
      ...(previous === undefined ? {} : { previous }),
    })
  await repository.begin('op')
  const data = await dumpWith(sqlite, 'data', { sqlite: 'app.db' })
  const full = await dumpWith(files, 'uploads', { files: '.' })
  writeFileSync(join(live, 'uploads', 'docs/new'), 'new')
  utimesSync(join(live, 'uploads', 'docs/new'), OLD, OLD)
  rmSync(join(live, 'uploads', 'docs/y'))
  const uploads = await dumpWith(files, 'uploads', { files: '.' }, full)
  const manifest = manifestOf('s', [data, uploads])
  await repository.commit('op', manifest)
  return manifest
}

makeLive()
const manifest = await makeSnapshot()
const [data, uploads] = manifest.parts as [SnapshotPart, SnapshotPart]
const [database, full, delta] = [...data.objects, ...uploads.objects].map(object => object.name) as [string, string, string]

const manifestFile = (folder: string) => join(folder, 'snapshots/shop/production/s.json')
const objectFile = (folder: string, name: string) => join(folder, 'objects', name.slice(0, 2), `${name}.zst.age`)

/** What a drill does: the manifest read, all bytes re-read, everything restored and compared. Says what it noticed. */
async function drill(folder: string): Promise<string | undefined> {
  const repository = createDirectoryRepository({ folder, recipients: [], identity: async () => target.identity })
  const world = { stores, clock: systemClock, progress: { stage() {}, add() {} }, openRepository: async () => repository }
  const task = {
    task: 'snapshot.load' as const,
    result: '',
    scratch: '',
    durable: false,
    repository: { driver: '', folder, recipients: [] },
  }
  try {
    const { parts } = await repository.get(nameOf('s'))
    const at = places(join(base, `drill${++count}`))
    const { differences } = await load(world, { ...task, parts, stores: at }, signal)
    await repository.verify(await repository.get(nameOf('s')), signal)
    return differences.length === 0 ? undefined : differences.map(one => `${one.store} ${one.item}: ${one.what}`).join('; ')
  } catch (error) {
    assert.ok(error instanceof FettleError && error.code !== 'INTERNAL', `a failure with a reason: ${error}`)
    return error.message
  }
}

const flip = (path: string, share: number) => {
  const bytes = readFileSync(path)
  const at = Math.min(bytes.length - 1, Math.floor(bytes.length * share))
  bytes[at] = (bytes[at] as number) ^ 0x10
  writeFileSync(path, bytes)
}

const swap = (a: string, b: string) => {
  renameSync(a, `${a}.swap`)
  renameSync(b, a)
  renameSync(`${a}.swap`, b)
}

/** By somebody who knows how, with a checksum that fits. */
function editManifest(folder: string, edit: (manifest: Manifest) => void): void {
  const { manifest } = JSON.parse(readFileSync(manifestFile(folder), 'utf8')) as { manifest: Manifest }
  edit(manifest)
  const checksum = createHash('sha256')
    .update(canonicalJson(manifest as unknown as Json))
    .digest('hex')
  writeFileSync(manifestFile(folder), JSON.stringify({ manifest, checksum }))
}

/** Opened, changed, sealed again, and every hash in the manifest made to fit: only the content can tell. */
function forge(folder: string, name: string, change: (payload: Buffer) => Buffer): void {
  const path = objectFile(folder, name)
  const payload = execFileSync('sh', ['-c', 'age -d -i "$1" "$2" | zstd -d', 'sh', target.keyFile, path], { maxBuffer: 1 << 26 })
  const changed = change(payload)
  const { stdout } = spawnSync('sh', ['-c', 'zstd -3 | age -r "$1"', 'sh', target.recipient], { input: changed, maxBuffer: 1 << 26 })
  writeFileSync(path, stdout)
  editManifest(folder, manifest => {
    for (const object of manifest.parts.flatMap(part => part.objects).filter(object => object.name === name)) {
      object.sha256 = createHash('sha256').update(stdout).digest('hex')
      object.storedBytes = stdout.length
      object.payloadBytes = changed.length
    }
  })
}

const replaced = (from: string, to: string) => (payload: Buffer) => {
  assert.equal(from.length, to.length)
  const at = payload.indexOf(from)
  assert.ok(at >= 0, `${from} is in the payload`)
  payload.write(to, at, 'latin1')
  return payload
}

const first = (manifest: Manifest, store: string): SnapshotPart => manifest.parts.find(part => part.store === store) as SnapshotPart

const repositoryDamages: Record<string, (folder: string) => void> = {
  'a bit at the start of the database object': folder => flip(objectFile(folder, database), 0.001),
  'a bit in the middle of the full archive': folder => flip(objectFile(folder, full), 0.5),
  'the last bit of the delta': folder => flip(objectFile(folder, delta), 1),
  'an object cut by one byte': folder => truncateSync(objectFile(folder, full), statSync(objectFile(folder, full)).size - 1),
  'an object cut to half': folder =>
    truncateSync(objectFile(folder, database), Math.floor(statSync(objectFile(folder, database)).size / 2)),
  'an object of 0 bytes': folder => truncateSync(objectFile(folder, delta)),
  'an object with more behind it': folder => appendFileSync(objectFile(folder, full), 'more'),
  'an object that is gone': folder => rmSync(objectFile(folder, delta)),
  'two objects exchanged': folder => swap(objectFile(folder, full), objectFile(folder, delta)),
  'an object overwritten by another': folder => copyFileSync(objectFile(folder, full), objectFile(folder, database)),
  'a count edited in the manifest': folder => {
    const text = readFileSync(manifestFile(folder), 'utf8')
    writeFileSync(manifestFile(folder), text.replace('"rows": 5', '"rows": 4'))
  },
  'a manifest cut to half': folder => truncateSync(manifestFile(folder), Math.floor(statSync(manifestFile(folder)).size / 2)),
  'a manifest that is gone': folder => rmSync(manifestFile(folder)),
  'a count edited, its checksum too': folder =>
    editManifest(folder, manifest => {
      for (const item of Object.values(first(manifest, 'data').fingerprint.items)) item.rows++
    }),
  'a content hash edited, its checksum too': folder =>
    editManifest(folder, manifest => {
      for (const item of Object.values(first(manifest, 'uploads').fingerprint.items)) item.content = item.content.replace(/./, 'g')
    }),
  'a table struck from the manifest': folder =>
    editManifest(folder, manifest => void delete first(manifest, 'data').fingerprint.items.twins),
  'the delta struck from the manifest': folder => editManifest(folder, manifest => void first(manifest, 'uploads').objects.pop()),
  'full and delta in the wrong order': folder => editManifest(folder, manifest => void first(manifest, 'uploads').objects.reverse()),
  'a delta applied twice': folder =>
    editManifest(folder, manifest => {
      const { objects } = first(manifest, 'uploads')
      objects.push(objects[1] as (typeof objects)[0])
    }),
  'a store struck from the manifest': folder => editManifest(folder, manifest => void manifest.parts.shift()),
  'a text forged in the database': folder => forge(folder, database, replaced('second', 'sECond')),
  'a page forged in the database': folder =>
    forge(folder, database, payload => payload.fill(0, payload.length - 3000, payload.length - 2000)),
  'a database cut to its first pages': folder => forge(folder, database, payload => payload.subarray(0, 8192)),
  'an empty database': folder => forge(folder, database, () => Buffer.alloc(0)),
  'a byte forged in a file': folder => forge(folder, full, replaced('hello', 'hellO')),
  'a name forged in the archive': folder => forge(folder, full, replaced('./docs/run', './docs/rum')),
  'an archive without its end': folder => forge(folder, full, payload => payload.subarray(0, payload.length - 1024)),
  'an archive without its last file': folder =>
    forge(folder, full, payload => Buffer.concat([payload.subarray(0, payload.length - 2048), Buffer.alloc(1024)])),
}

describe('damage in the repository is noticed by a drill', () => {
  for (const [what, damage] of Object.entries(repositoryDamages)) {
    test(what, async () => {
      const folder = join(base, `copy${++count}`)
      cpSync(target.folder, folder, { recursive: true })
      damage(folder)
      assert.notEqual(await drill(folder), undefined)
    })
  }

  test('and a repository copied elsewhere is no damage', async () => {
    const folder = join(base, `copy${++count}`)
    cpSync(target.folder, folder, { recursive: true })
    assert.equal(await drill(folder), undefined)
  })
})

/** Restores one store, lets something happen to it, and compares. */
async function afterRestore(part: SnapshotPart, happen: (folder: string) => void): Promise<string> {
  const at = places(join(base, `restored${++count}`)).find(place => place.name === part.store) as StoreAt
  const store = stores.get(at.driver) as Store
  await store.load(part, target.repository.source(), at.folder, at.config, { durable: true, signal })
  happen(at.folder)
  const differences = compareFingerprints(part.fingerprint, await store.fingerprint(at.folder, at.config, signal))
  return differences.map(one => `${one.item}: ${one.what}`).join('; ')
}

const databaseDamages: Record<string, string> = {
  'a row lost': 'DELETE FROM entries WHERE id = 3',
  'a row too many': "INSERT INTO entries (title) VALUES ('six')",
  'a row doubled': 'INSERT INTO twins SELECT * FROM twins WHERE a = 3',
  'a pair of equal rows lost': 'DELETE FROM twins WHERE a = 1',
  'one pair of equal rows turned into another': 'UPDATE twins SET a = 3, b = 4 WHERE a = 1',
  'a number turned into text': "UPDATE entries SET any_value = '1' WHERE id = 1",
  'text turned into a number': 'UPDATE entries SET any_value = 2 WHERE id = 2',
  'a whole number turned into a real one': 'UPDATE entries SET any_value = 1.0 WHERE id = 1',
  'text turned into a blob': "UPDATE entries SET any_value = x'32' WHERE id = 2",
  'minus zero turned into zero': 'UPDATE entries SET any_value = 0.0 WHERE id = 5',
  'the last bit of a real number': 'UPDATE entries SET score = 0.10000000000000002 WHERE id = 4',
  'one added to a number beyond 2^53': 'UPDATE entries SET any_value = any_value - 1 WHERE id = 4',
  'NULL turned into an empty text': "UPDATE entries SET body = '' WHERE id = 3",
  'an empty text turned into NULL': 'UPDATE entries SET body = NULL WHERE id = 4',
  'a letter in another case': "UPDATE entries SET body = 'Case' WHERE id = 5",
  'a blank at the end of a text': "UPDATE entries SET title = title || ' ' WHERE id = 1",
  'two columns exchanged in a row': 'UPDATE entries SET title = body, body = title WHERE id = 1',
  'two values exchanged between rows': "UPDATE entries SET title = CASE title WHEN 'one' THEN 'two' ELSE 'one' END WHERE id IN (1, 2)",
  'a key changed': 'UPDATE entries SET id = 99 WHERE id = 1',
  'a byte of a blob': "UPDATE blobs SET data = x'00ff11' WHERE name = 'x'",
  'a row of a table without rowids': "UPDATE keyed SET v = 3 WHERE k = 'a'",
  'a row moved to another table': 'INSERT INTO untouched SELECT a FROM twins WHERE a = 5; DELETE FROM twins WHERE a = 5',
  'a table emptied': 'DELETE FROM untouched',
  'a table dropped': 'DROP TABLE blobs',
  'a table too many': 'CREATE TABLE extra (x)',
  'an index dropped': 'DROP INDEX by_title',
  'an index on another column': 'DROP INDEX by_title; CREATE INDEX by_title ON entries (body)',
  'a trigger dropped': 'DROP TRIGGER guard',
  'a view too many': 'CREATE VIEW v AS SELECT 1',
  'a column added': 'ALTER TABLE untouched ADD COLUMN y',
  'a column renamed': 'ALTER TABLE untouched RENAME COLUMN x TO z',
  'another user_version': 'PRAGMA user_version = 4',
  'an entry of the search index': "UPDATE search SET body = 'the quick brown fax'",
  'a sequence set back': "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'entries'",
}

describe('damage in a restored database is noticed', () => {
  for (const [what, sql] of Object.entries(databaseDamages)) {
    test(what, async () => assert.notEqual(await afterRestore(data, folder => onDatabase(folder, sql)), ''))
  }
})

const inTree = (name: string) => (folder: string) => join(folder, name)
const jpg = inTree('photos/2024/a.jpg')
/** Sets the times back to what they were, so that only what the test is about differs. */
function keepingTimes(folder: string, change: () => void): void {
  const paths = ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })].map(name => join(folder, name))
  const times = paths.map(path => [path, lstatSync(path).mtimeMs / 1000] as const)
  change()
  for (const [path, seconds] of times) if (existsSync(path)) lutimesSync(path, seconds, seconds)
}

const treeDamages: Record<string, (folder: string) => void> = {
  'a byte of a file': folder => flip(jpg(folder), 0.5),
  'a file cut short': folder => truncateSync(jpg(folder), 69_999),
  'a file grown': folder => appendFileSync(jpg(folder), 'x'),
  'a file emptied': folder => truncateSync(jpg(folder)),
  'a file lost': folder => unlinkSync(jpg(folder)),
  'a file too many': folder => writeFileSync(join(folder, 'extra'), ''),
  'a file renamed': folder => renameSync(jpg(folder), join(folder, 'photos/2024/A.jpg')),
  'a file moved': folder => renameSync(jpg(folder), join(folder, 'photos/a.jpg')),
  'two files exchanged': folder => swap(jpg(folder), join(folder, 'photos/2024/b.jpg')),
  'a file doubled': folder => cpSync(jpg(folder), join(folder, 'photos/2024/c.jpg'), { preserveTimestamps: true }),
  'a mode': folder => chmodSync(join(folder, 'docs/run'), 0o644),
  'a set-user-id bit': folder => chmodSync(join(folder, 'docs/run'), 0o4755),
  'the mode of a folder': folder => chmodSync(join(folder, 'empty'), 0o700),
  'the mode of the root': folder => chmodSync(folder, 0o711),
  'an empty folder lost': folder => rmdirSync(join(folder, 'empty')),
  'an empty folder too many': folder => mkdirSync(join(folder, 'photos/2025')),
  'where a link leads': folder => {
    unlinkSync(join(folder, 'docs/link'))
    symlinkSync('new', join(folder, 'docs/link'))
  },
  'a link turned into what it leads to': folder => {
    unlinkSync(join(folder, 'docs/link'))
    copyFileSync(join(folder, 'docs/x'), join(folder, 'docs/link'))
  },
  'a file turned into a link to its like': folder => {
    renameSync(join(folder, 'docs/x'), join(folder, 'docs/x2'))
    symlinkSync('x2', join(folder, 'docs/x'))
  },
  'what the delta added is missing': folder => unlinkSync(join(folder, 'docs/new')),
  'what the delta deleted is back': folder => writeFileSync(join(folder, 'docs/y'), 'other'),
}

describe('damage in restored files is noticed', () => {
  for (const [what, damage] of Object.entries(treeDamages))
    test(what, async () => assert.notEqual(await afterRestore(uploads, folder => keepingTimes(folder, () => damage(folder))), ''))

  test('a time, by a second', async () =>
    assert.notEqual(await afterRestore(uploads, folder => utimesSync(jpg(folder), OLD + 1, OLD + 1)), ''))
})

const harmlessSql: Record<string, string> = {
  'nothing at all': '',
  VACUUM: 'VACUUM',
  'WAL mode': 'PRAGMA journal_mode = wal',
  'other pages': 'PRAGMA page_size = 16384; VACUUM',
  'incremental vacuum': 'PRAGMA auto_vacuum = 2; VACUUM',
  'statistics and rebuilt indices': 'ANALYZE; REINDEX',
  'a row added and removed': 'INSERT INTO twins VALUES (7, 8); DELETE FROM twins WHERE a = 7',
  'rows in another order':
    'CREATE TEMP TABLE t AS SELECT * FROM twins ORDER BY a DESC; DELETE FROM twins; INSERT INTO twins SELECT * FROM t',
  'a sequence further on': "UPDATE sqlite_sequence SET seq = 50 WHERE name = 'entries'",
}

const harmlessTree: Record<string, (folder: string) => void> = {
  'nothing at all': () => {},
  'files read': folder => void readFileSync(jpg(folder)),
  'a file exchanged for its equal': folder =>
    keepingTimes(folder, () => {
      cpSync(jpg(folder), join(folder, 'photos/2024/tmp'))
      renameSync(join(folder, 'photos/2024/tmp'), jpg(folder))
    }),
  'another name for a file, outside': folder => linkSync(jpg(folder), `${folder}-link`),
  'a time within its second': folder => utimesSync(jpg(folder), OLD, OLD + 0.25),
  'the time of the root': folder => utimesSync(folder, 5, 5),
}

describe('what is no damage raises no alarm', () => {
  for (const [what, sql] of Object.entries(harmlessSql))
    test(`database: ${what}`, async () => assert.equal(await afterRestore(data, folder => onDatabase(folder, sql)), ''))
  for (const [what, happen] of Object.entries(harmlessTree))
    test(`files: ${what}`, async () => assert.equal(await afterRestore(uploads, happen), ''))

  test('both stores restored by hand, with the commands of the manifest', async () => {
    const env = { ...process.env, KEY: target.keyFile }
    for (const command of target.repository.howToRestore(manifest.parts))
      execFileSync('sh', ['-ec', command], { cwd: target.folder, env, stdio: 'pipe' })
    const restored = join(target.folder, 'restored')
    const fromDatabase = await sqlite.fingerprint(join(restored, 'data'), { sqlite: 'database.sqlite' }, signal)
    const fromFiles = await files.fingerprint(join(restored, 'uploads'), { files: '.' }, signal)
    assert.deepEqual(compareFingerprints(data.fingerprint, fromDatabase), [])
    assert.deepEqual(compareFingerprints(uploads.fingerprint, fromFiles), [])
  })
})
