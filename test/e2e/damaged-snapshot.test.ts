/** What a restore or a drill shows to be wrong with a snapshot stays with it: it is not called proven any more, nor chosen again. */
import assert from 'node:assert/strict'
import { open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { Answers } from '../../src/api/contract.ts'
import type { DoctorReport, SnapshotView } from '../../src/api/views.ts'
import type { Manifest } from '../../src/core/snapshot.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

const KEEP = 'backups: { keep: { last: 20 } }\n'

describe('a snapshot', () => {
  let site: Installation
  let count = 0
  before(async () => {
    site = await openInstallation(into => assembleSmall(into, `stores:\n  data: { sqlite: shop.db }\n  notes: { files: . }\n${KEEP}`))
    await site.must(['deploy'])
    await change('create table orders (id integer primary key, what text)')
    await writeFile(join(await placeOf('notes'), 'first'), 'x'.repeat(5000))
  })
  after(() => site?.close())

  const placeOf = async (store: string): Promise<string> => (await site.status()).stores.find(({ name }) => name === store)?.path ?? ''
  async function change(...statements: string[]): Promise<void> {
    const database = new DatabaseSync(await placeOf('data'), { defensive: false })
    for (const sql of statements) database.exec(sql)
    database.close()
  }
  const snapshots = async (): Promise<SnapshotView[]> => (await site.look<Answers['snapshots']>(['snapshots'])).snapshots
  const failedOf = async (id: string) => (await snapshots()).find(snapshot => snapshot.id === id)?.failed
  const restoreBeside = (...args: string[]) => site.operate(['restore', ...args, '--to', join(site.folder, `back-${++count}`), '--yes'])

  /** One of new data, which a drill found to be good. */
  async function takeProven(): Promise<string> {
    await change(`insert into orders (what) values ('tea ${++count}')`)
    await writeFile(join(await placeOf('notes'), `note-${count}`), 'new')
    await site.must(['backup'])
    await site.must(['drill'])
    const [newest] = await snapshots()
    assert.deepEqual([newest?.rung !== 'stored', newest?.failed], [true, undefined])
    return newest?.id ?? ''
  }

  async function objectsOf(id: string, store: string): Promise<string[]> {
    const text = await readFile(join(site.home, 'backups/snapshots/small/production', `${id}.json`), 'utf8')
    const { manifest } = JSON.parse(text) as { manifest: Manifest }
    return manifest.parts.find(part => part.store === store)?.objects.map(({ name }) => name) ?? []
  }

  /** Of its database: each has its own. */
  const damageData = async (id: string): Promise<void> => damage((await objectsOf(id, 'data'))[0])

  async function damage(object: string | undefined): Promise<void> {
    const file = await open(join(site.home, 'backups/objects', object?.slice(0, 2) ?? '', `${object}.zst.age`), 'r+')
    const { size } = await file.stat()
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1)
    await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, size - 1)
    await file.close()
  }

  test('that a restore finds damaged is proven no more, and the next restore takes the one before it and says so', async () => {
    const older = await takeProven()
    const id = await takeProven()
    await damage((await objectsOf(id, 'data'))[0])
    const { code, error, operation } = await restoreBeside()
    assert.deepEqual([code, error?.code], [7, 'DAMAGED'])
    const failed = `${error?.message} (${operation?.id})`
    assert.equal(await failedOf(id), failed)
    const { backup } = await site.status()
    assert.deepEqual([backup?.failed, backup?.provenAt], [failed, (await snapshots()).find(one => one.id === older)?.takenAt])
    const { items } = JSON.parse((await site.run(['doctor', '--json'])).stdout) as DoctorReport
    assert.ok(items.some(({ state, text }) => state === 'fail' && text.startsWith(`${id}, the newest snapshot, failed its proof: `)))
    const next = await restoreBeside()
    assert.deepEqual([next.code, next.plan.lines.at(-1)?.text], [0, `not the newest: ${id} failed: ${failed}`])
    assert.ok(next.plan.lines[0]?.text.includes(older))
  })

  test('whose damage is found while a restore in place is planned is not planned with again', async () => {
    const older = (await snapshots()).find(({ failed }) => failed === undefined)?.id
    const id = await takeProven()
    await damage((await objectsOf(id, 'data'))[0])
    assert.equal((await site.operate(['restore', '--dry-run'])).error?.code, 'DAMAGED')
    assert.match((await failedOf(id)) ?? '', /^snapshot \S+: stored object .* written with$/)
    const { plan } = await site.must(['restore'])
    assert.ok(plan.lines[0]?.text.includes(`back to ${older} `))
  })

  test('fails with every other that shares the damaged object', async () => {
    const [older, id] = [await takeProven(), await takeProven()]
    const written = await objectsOf(older, 'notes')
    const shared = (await objectsOf(id, 'notes')).find(name => written.includes(name))
    assert.ok(shared, 'the later one refers to what the earlier one wrote')
    await damage(shared)
    assert.equal((await restoreBeside()).error?.code, 'DAMAGED')
    assert.deepEqual([typeof (await failedOf(id)), typeof (await failedOf(older))], ['string', 'string'])
  })

  test('that could not be read for want of the key has not failed', async () => {
    const id = await takeProven()
    const key = site.paths.key('small')
    await rename(key, `${key}.away`)
    for (const ended of [await restoreBeside(id), await site.operate(['drill', '--yes'])]) assert.equal(ended.error?.code, 'SECRET_LOCKED')
    await rename(`${key}.away`, key)
    assert.equal(await failedOf(id), undefined)
  })

  test('that was proven and is damaged is not recommended: of those that are left the newest of which nothing is known is', async () => {
    await change("insert into orders (what) values ('in an object of its own')")
    await site.must(['backup'])
    const unproven = (await snapshots())[0]?.id ?? ''
    const id = await takeProven()
    const sound = (await snapshots()).filter(one => one.failed === undefined && one.id !== unproven)
    for (const one of sound) await damageData(one.id)
    for (const one of sound) await site.operate(['drill', one.id, '--yes'])
    const { error } = await restoreBeside()
    assert.match(error?.message ?? '', new RegExp(`^no snapshot of small/production is proven any more: ${id} failed: `))
    assert.equal(
      error?.hint,
      `\`fettle drill ${unproven}\` proves the newest that did not fail; \`fettle restore ${unproven}\` takes it unproven.`,
    )
    assert.match((await site.run(['status'])).stdout, /, none is proven any more/)
    const asked = await site.operate(['restore', 'newest', '--to', join(site.folder, 'asked')])
    assert.match(asked.error?.message ?? '', new RegExp(`restore ${id}: it failed its proof: `))
    await damageData(unproven)
    await site.operate(['drill', unproven, '--yes'])
    assert.match((await restoreBeside()).error?.hint ?? '', /^Something speaks against each of them: `fettle backup`/)
  })

  test('of a database with a broken index has failed, once a drill has found that', async () => {
    await change(
      'create index what on orders (what)',
      "create table kept as select * from sqlite_schema where name = 'what'",
      'pragma writable_schema = on',
      "delete from sqlite_schema where name = 'what'",
    )
    await change("insert into orders (what) values ('not in the index')")
    await change('pragma writable_schema = on', 'insert into sqlite_schema select * from kept')
    await site.must(['backup'])
    const { error } = await site.operate(['drill', '--yes'])
    assert.equal(error?.code, 'DAMAGED')
    assert.match((await snapshots())[0]?.failed ?? '', /integrity check: .*what/)
  })
})
