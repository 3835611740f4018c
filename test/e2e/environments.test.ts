/** Several environments of one app on one host; and an app that something else runs, of which fettle keeps the data only. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { EnvironmentStatus, SnapshotView } from '../../src/api/views.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { Load } from '../helpers/load.ts'

const PRODUCTION = 'workshop.test'
const STAGING = 'staging.workshop.test'

describe('production and staging on one host', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => cp(join(import.meta.dirname, 'workshop'), into, { recursive: true }))
  })
  after(() => site.close())

  const answer = async (host: string): Promise<{ version: string; greeting: string; release: string }> =>
    JSON.parse((await site.ask(host)).text)
  const dataOf = async (environment: string): Promise<string> => (await site.status(environment)).stores[0]?.path ?? ''

  test('[recordsponge-02] are deployed by one command each from one file, and only their variables differ', async () => {
    const production = await site.must(['deploy', 'production'])
    const staging = await site.must(['deploy', 'staging'])
    assert.deepEqual(
      staging.plan.steps.map(({ title }) => title),
      production.plan.steps.map(({ title }) => title),
    )
    assert.deepEqual([(await answer(PRODUCTION)).greeting, (await answer(STAGING)).greeting], ['', 'from staging'])
  })

  test('[failmap-10] are isolated: data, releases, numbers, deploys, stops and backups of one do not touch the other', async () => {
    assert.notEqual(await dataOf('production'), await dataOf('staging'))
    await writeFile(join(await dataOf('staging'), 'only-here'), '')
    const production = await site.status('production')
    const load = new Load(await site.address(), [{ request: () => ({ host: PRODUCTION }) }])
    await writeFile(join(site.app, 'version'), '2')
    await site.must(['deploy', 'staging'])
    await site.must(['backup', 'staging'])
    await site.must(['scale', 'staging', 'web=3'])
    await site.must(['rollback', 'staging'])
    await site.must(['stop', 'staging'])
    const { failures } = await load.stop()
    assert.deepEqual(failures, [])
    assert.equal((await answer(PRODUCTION)).version, '1')
    assert.equal((await site.ask(STAGING)).status, 503)
    const now = await site.status('production')
    const identity = ({ release, generation, services }: EnvironmentStatus) => [
      release,
      generation,
      services.map(({ group }) => group?.instances.map(({ pid }) => pid)),
    ]
    assert.deepEqual(identity(now), identity(production))
    assert.deepEqual(await readdir(await dataOf('production')), ['beats', 'beats.lock'])
    assert.deepEqual((await site.look<{ snapshots: SnapshotView[] }>(['snapshots', 'production'])).snapshots, [])
  })

  test('[failmap-10] never share an address: a second environment that wants it is refused, and is told who has it', async () => {
    await site.edit('fettle.yaml', text => text.replace(`host: ${STAGING}`, `host: ${PRODUCTION}`))
    const { code, error } = await site.operate(['deploy', 'staging', '--yes'])
    assert.deepEqual([code, error?.code], [5, 'REFUSED'])
    assert.match(error?.message ?? '', /workshop\.test\/ leads to workshop\/production already/)
    assert.match(error?.hint ?? '', /environments: \{ staging: \{ routes: \[\{ host: staging\.workshop\.test, to: web \}/)
  })
})

describe('an app that something else runs', () => {
  let site: Installation
  /** Where it lives, outside of everything that fettle has. */
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fettle-shop-'))
    site = await openInstallation(async into => {
      await mkdir(into)
      await writeFile(
        join(into, 'fettle.yaml'),
        `app: shop
stores:
  orders: { sqlite: ${folder}/orders.db }
  pictures: { files: ${folder}/pictures }
backups:
  drill: { expect: [{ store: orders, sql: select count(*) from orders, at-least: 3 }] }
`,
      )
    })
    await mkdir(join(folder, 'pictures'))
    await writeFile(join(folder, 'pictures', 'cup.jpg'), 'a cup')
    const db = new DatabaseSync(join(folder, 'orders.db'))
    db.exec(
      "pragma journal_mode = wal; create table orders (id integer primary key, what text); insert into orders (what) values ('a'), ('b'), ('c')",
    )
    db.close()
  })
  after(async () => {
    await site.close()
    await rm(folder, { recursive: true })
  })
  const snapshots = async (): Promise<SnapshotView[]> => (await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])).snapshots

  test('is backed up while it writes, and proven as far as it goes: equal in content', async () => {
    const db = new DatabaseSync(join(folder, 'orders.db'))
    const writing = setInterval(() => db.exec("insert into orders (what) values ('while it is backed up')"), 5)
    await site.must(['backup'])
    clearInterval(writing)
    db.close()
    const { plan } = await site.must(['drill'])
    assert.ok(plan.lines.some(({ text }) => text === 'stops at "content equal": fettle runs no services of this app'))
    const [snapshot, ...others] = await snapshots()
    assert.deepEqual([snapshot?.rung, others.length], ['content-equal', 0])
  })

  test('is shown in the status with its data and the age of its proof', async () => {
    const status = await site.status()
    assert.equal(status.state, 'external')
    assert.deepEqual(
      status.stores.map(({ name, path }) => [name, path]),
      [
        ['orders', join(folder, 'orders.db')],
        ['pictures', join(folder, 'pictures')],
      ],
    )
    assert.ok(status.backup?.provenAt)
  })

  test('is never written to: a restore in place is refused, one beside it gives the same data', async () => {
    const refused = await site.operate(['restore', '--yes'])
    assert.deepEqual([refused.code, refused.error?.code], [5, 'REFUSED'])
    const to = join(site.folder, 'restored')
    await site.must(['restore', '--to', to])
    const files = execFileSync('find', [to, '-type', 'f'], { encoding: 'utf8' }).trim().split('\n')
    const [picture] = files.filter(path => path.endsWith('cup.jpg'))
    assert.equal(await readFile(picture ?? '', 'utf8'), 'a cup')
    const restored = new DatabaseSync(files.find(path => path.endsWith('orders.db')) ?? '', { readOnly: true })
    assert.deepEqual({ ...restored.prepare('select min(id) as least, count(*) >= 3 as enough from orders').get() }, { least: 1, enough: 1 })
    restored.close()
  })

  test('whose data no longer holds what must hold is not proven: exit code 6, and the snapshot before stays proven', async () => {
    const db = new DatabaseSync(join(folder, 'orders.db'))
    db.exec('delete from orders')
    db.close()
    await site.must(['backup'])
    const { code, error } = await site.operate(['drill'])
    assert.deepEqual([code, error?.code], [6, 'TEST_FAILED'])
    assert.match(error?.message ?? '', /select count\(\*\) from orders: 0, expected at least 3/)
    assert.ok((await snapshots())[1]?.proofs.some(({ passed, rung }) => passed && rung === 'content-equal'))
  })
})
