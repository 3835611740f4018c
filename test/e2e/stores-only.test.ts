/** One wing alone: what something else runs is backed up and proven; nothing is ever deployed. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Answers } from '../../src/api/contract.ts'
import type { DoctorItem, DoctorReport, ReleaseView, SnapshotView } from '../../src/api/views.ts'
import type { FettleError } from '../../src/core/errors.ts'
import type { Plan } from '../../src/core/plan.ts'
import { Journal } from '../../src/engine/journal.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'

const NOTHING: Omit<Plan, 'kind' | 'app' | 'environment'> = { format: 1, leases: [], basis: {}, lines: [], steps: [] }

/** The agent answers that it ends before it does. */
async function untilFree(path: string): Promise<Journal> {
  for (;;) {
    try {
      return new Journal(path, { firstNumber: 1 })
    } catch (error) {
      if ((error as FettleError).code !== 'BUSY') throw error
      await delay(20)
    }
  }
}

describe('a file without services', () => {
  let site: Installation
  let database: string

  before(async () => {
    site = await openInstallation(async into => {
      await mkdir(join(into, 'uploads'), { recursive: true })
      database = join(into, 'shop.db')
      const db = new DatabaseSync(database)
      db.exec("create table orders (id integer primary key, what text); insert into orders (what) values ('tea'), ('cups'), ('milk')")
      db.close()
      await writeFile(join(into, 'uploads/receipt.txt'), 'paid\n')
      const stores = `stores:\n  data: { sqlite: ${database} }\n  uploads: { files: ${join(into, 'uploads')} }\n`
      const drill = 'backups:\n  drill: { expect: [{ store: data, sql: "select count(*) from orders", at-least: 3 }] }\n'
      await writeFile(join(into, 'fettle.yaml'), `app: shop\n${stores}${drill}`)
    })
  })
  after(() => site?.close())

  const newest = async () => (await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])).snapshots[0]

  const doctor = async (): Promise<DoctorItem[]> => (JSON.parse((await site.run(['doctor', '--json'])).stdout) as DoctorReport).items
  const backups = async (cwd = site.app): Promise<string[]> => {
    const { stdout } = await site.run(['doctor', '--json'], { cwd })
    const { items } = JSON.parse(stdout) as DoctorReport
    return items.filter(({ name }) => name === 'shop/production backups').map(({ state, text }) => `${state}: ${text}`)
  }

  test('is looked at by doctor before its first backup', async () => {
    await site.run(['agent', 'start'])
    assert.deepEqual(await backups(), ['warn: no snapshot was ever taken'])
    assert.ok((await doctor()).some(({ name, text }) => name === 'shop/production' && text === 'external'))
  })

  test('is backed up, and its snapshot is listed', async () => {
    await site.must(['backup'])
    assert.deepEqual(
      (await newest())?.stores.map(({ name, rows }) => [name, rows]),
      [
        ['data', 3],
        ['uploads', 1],
      ],
    )
  })

  test('says in its status which operation is held there, and what shows why', async () => {
    await site.run(['agent', 'stop'])
    const journal = await untilFree(site.paths.journal)
    const held = journal.begin({ ...NOTHING, kind: 'backup', app: 'shop', environment: 'production' }, 1)
    journal.saveOperation({ ...held, state: 'held' })
    journal.close()
    await site.run(['agent', 'start'])
    const { stdout } = await site.run(['status'])
    assert.match(stdout, new RegExp(`backup ${held.id} is held → .fettle operations show ${held.id}`))
    await site.run(['operations', 'resume', held.id, '--back'])
  })

  test('is drilled up to equal content, since fettle runs nothing of it', async () => {
    const { plan } = await site.must(['drill'])
    assert.ok(plan.lines.some(({ text }) => text.includes('stops at "content equal"')))
    assert.equal((await newest())?.rung, 'content-equal')
  })

  test('is drilled by what its file expects now', async () => {
    await site.edit('fettle.yaml', text => text.replace('at-least: 3', 'at-least: 4'))
    const { code, error } = await site.operate(['drill'])
    assert.deepEqual([code, error?.code], [6, 'TEST_FAILED'])
    await site.edit('fettle.yaml', text => text.replace('at-least: 4', 'at-least: 3'))
    await site.must(['drill'])
  })

  test('loses its rows by accident: a snapshot that failed its drill is not proven, and the one before is kept, and restored', async () => {
    const change = (sql: string) => {
      const db = new DatabaseSync(database)
      db.exec(sql)
      db.close()
    }
    const proven = await newest()
    assert.ok(proven)
    change('create table kept as select * from orders; delete from orders')
    await site.must(['backup'])
    const drilled = await site.operate(['drill'])
    assert.equal(drilled.code, 6)
    assert.match(drilled.error?.message ?? '', /: select count\(\*\) from orders: 0, expected at least 3$/)
    const { backup } = await site.status()
    const asked = /^restored data is not as expected: select count\(\*\) from orders \(op\d+\)$/
    assert.deepEqual([backup?.provenAt, asked.test(backup?.failed ?? '')], [proven.takenAt, true], backup?.failed)
    const failed = (await newest())?.id ?? ''
    const recorded = await readFile(join(site.home, 'backups/snapshots/shop/production', `${failed}.proofs.ndjson`), 'utf8')
    assert.doesNotMatch(recorded, /: 0|expected at/, 'beside the data nothing of what was found lies unencrypted')
    await site.must(['restore', failed, '--to', join(site.folder, 'failed')])
    assert.match((await newest())?.failed ?? '', asked, 'that its content is equal takes nothing back')
    await site.must(['backup'])
    const { snapshots } = await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])
    assert.ok(snapshots.some(({ id }) => id === proven.id))
    const { plan } = await site.must(['restore', '--to', join(site.folder, 'restored')])
    assert.match(plan.lines[0]?.text ?? '', new RegExp(proven.id))
    change('insert into orders select * from kept; drop table kept')
  })

  test('has its newest snapshot damaged: it is listed so, and nothing older is taken in its place without asking', async () => {
    const id = (await newest())?.id ?? ''
    const path = join(site.home, 'backups/snapshots/shop/production', `${id}.json`)
    const whole = await readFile(path, 'utf8')
    await writeFile(path, whole.replace('by hand', 'by hend'))
    const older = await newest()
    const { unreadable } = await site.look<Answers['snapshots']>(['snapshots'])
    assert.deepEqual([older?.id === id, unreadable.map(one => one.id)], [false, [id]])
    assert.match((await site.run(['snapshots'])).stdout, new RegExp(`✗ ${id} can not be read: the manifest ${path} `))
    assert.deepEqual((await site.status()).backup?.unreadable, [id])
    assert.match((await backups()).join('\n'), new RegExp(`^fail: snapshot ${id} can not be read`))
    assert.equal((await backups(site.folder)).length, (await backups()).length, 'also where its file is not')
    assert.ok((await doctor()).some(({ name, text }) => name === 'key' && text.includes('shop.key: keep a copy elsewhere')))
    const asked = new RegExp(`^(restore|drill) ${older?.id}: not the newest: ${id} can not be read `)
    for (const args of [
      ['drill'],
      ['restore', 'newest', '--to', join(site.folder, 'older')],
      ['restore', '--to', join(site.folder, 'older')],
    ]) {
      const { code, plan } = await site.operate(args)
      assert.match(plan.confirm ?? '', asked)
      assert.equal(code, 5)
    }
    const named = await site.operate(['restore', older?.id ?? '', '--to', join(site.folder, 'named'), '--dry-run'])
    assert.equal(named.plan.confirm, undefined)
    await site.must(['backup'])
    const during = await site.operate(['backup', '--yes'])
    assert.deepEqual([during.code, during.operation?.state], [7, 'done'], 'it is taken, and nothing old is removed')
    await writeFile(path, whole)
  })

  test('has its key lost: no backup is taken with a new one, and nothing is said to be lost once it is back', async () => {
    const key = join(site.home, 'keys/shop.key')
    await rename(key, `${key}.away`)
    const { error } = await site.operate(['backup', '--yes'])
    assert.deepEqual(
      [error?.code, error?.message.startsWith(`${key} is gone: backups and secrets are sealed for age1`)],
      ['SECRET_LOCKED', true],
    )
    assert.match(error?.hint ?? '', /Bring the key back/)
    await rename(`${key}.away`, key)
    await site.must(['backup'])
    await site.must(['drill'])
  })

  test('has its backup disk unmounted: that is said, and no new repository is made in its place unless told to', async () => {
    const [folder, away] = [join(site.home, 'backups'), join(site.folder, 'away')]
    await rename(folder, away)
    await mkdir(folder)
    const gone = `the repository that the snapshots of shop/production went to is not at ${folder}: is its disk mounted?`
    assert.equal((await site.look<Answers['snapshots']>(['snapshots'])).gone, gone)
    assert.ok((await site.run(['snapshots'])).stdout.includes(gone))
    assert.equal((await site.status()).backup?.gone, gone)
    assert.deepEqual(await backups(), [`fail: ${gone}`])
    const refused = await site.operate(['backup', '--yes'])
    assert.deepEqual([refused.error?.code, refused.error?.message], ['REFUSED', gone])
    assert.match(refused.error?.hint ?? '', /--new-repository/)
    assert.ok((await site.operate(['restore', '--to', join(site.folder, 'nowhere')])).error?.message.endsWith(`has no snapshot: ${gone}`))
    const key = join(site.home, 'keys/shop.key')
    await rename(key, `${key}.away`)
    assert.equal((await site.status()).backup?.gone, gone, 'to look needs no key')
    assert.deepEqual((await readdir(join(site.home, 'keys'))).includes('shop.key'), false, 'and makes none')
    await rename(`${key}.away`, key)
    assert.deepEqual(await readdir(folder), [], 'nothing was written')
    await rename(away, folder)
    await site.must(['backup'])
    await rename(folder, away)
    await site.must(['backup', '--new-repository'])
    await site.must(['backup'])
    await rm(folder, { recursive: true })
    await rename(away, folder)
    await site.must(['backup'])
  })

  test('says so when its snapshots go to another folder than before', async () => {
    await site.edit('fettle.yaml', text => text.replace('backups:\n', 'backups:\n  repository: { directory: elsewhere }\n'))
    const folder = join(site.home, 'elsewhere')
    const { plan } = await site.must(['backup'])
    assert.equal(plan.lines[1]?.text, `snapshots go to ${folder} from now on; those in ${join(site.home, 'backups')} stay there`)
    assert.equal((await site.must(['backup'])).plan.lines.length, 1)
    await site.edit('fettle.yaml', text => text.replace('  repository: { directory: elsewhere }\n', ''))
  })

  test('keeps backups that were given a label beside later ones of the same day, and tells what retention removed', async () => {
    const label = async (text: string) => site.must(['backup', '--label', text])
    await label('before the move')
    await label('two')
    await site.must(['backup'])
    const { snapshots } = await site.look<Answers['snapshots']>(['snapshots'])
    const displaced = snapshots[0]?.id
    const { operation } = await label('three')
    const after = (await site.look<Answers['snapshots']>(['snapshots'])).snapshots
    assert.deepEqual(
      after.slice(0, 3).map(one => one.label),
      ['three', 'two', 'before the move'],
    )
    const { note } = operation.steps.find(({ id }) => id === 'retain') ?? {}
    assert.equal(note, `1 old snapshot removed: ${displaced} (by hand)`)
  })

  test('is told of by name as in its folder; where its file is gone, that is said, with what its backups tell', async () => {
    const named = async (args: string[]) => (await site.look<Answers['status']>([...args], { cwd: site.folder })).environments[0]
    const here = await site.status()
    assert.deepEqual(await named(['status', '--app', 'shop']), here)
    assert.deepEqual(await named(['status', '--all']), here)
    await site.must(['backup', '--app', 'shop'], { cwd: site.folder })
    await rename(join(site.app, 'fettle.yaml'), join(site.app, 'away.yaml'))
    const { state, why, backup } = (await named(['status', '--app', 'shop'])) ?? {}
    assert.equal(state, 'unknown')
    assert.match(
      why ?? '',
      new RegExp(`its file says what its data is; ${join(site.app, 'fettle.yaml')} is not there any more\\. Ask in the folder`),
    )
    assert.ok(backup?.newestAt)
    const refused = await site.operate(['backup', '--app', 'shop', '--yes'], { cwd: site.folder })
    assert.deepEqual([refused.code, refused.error?.code], [3, 'NOT_FOUND'])
    await rename(join(site.app, 'away.yaml'), join(site.app, 'fettle.yaml'))
  })

  test('is down when its data is not where the file says', async () => {
    assert.equal((await site.status()).state, 'external')
    await rename(database, `${database}.away`)
    const { state, why } = await site.status()
    assert.deepEqual([state, why], ['down', `data is not there: ${database}`])
    await rename(`${database}.away`, database)
  })

  test('says with its backup, its drill and its list what a snapshot does not hold', async () => {
    const pipe = join(site.app, 'uploads', 'pipe')
    execFileSync('mkfifo', [pipe])
    const note = 'uploads: pipe is a pipe: not covered'
    const noteOf = async (words: string[], step: string) =>
      (await site.must(words)).operation.steps.find(({ id }) => id === step)?.note ?? ''
    assert.equal(await noteOf(['backup'], 'snapshot'), note)
    assert.ok((await noteOf(['drill'], 'load')).endsWith(note))
    assert.deepEqual((await newest())?.notes, [note])
    assert.match((await site.run(['snapshots'])).stdout, new RegExp(`⚠ ${(await newest())?.id}:\n  ${note}\n`))
    await rm(pipe)
    assert.equal(await noteOf(['backup'], 'snapshot'), '')
    assert.deepEqual((await newest())?.notes, [])
  })

  test('is restored beside what is live', async () => {
    const back = join(site.folder, 'back')
    const { plan } = await site.must(['restore', '--to', back])
    const path = join(back, 'data', 'shop.db')
    assert.match(plan.lines[0]?.text ?? '', new RegExp(`^data of \\S+ → ${path}, beside`))
    const restored = new DatabaseSync(path, { readOnly: true })
    assert.equal(restored.prepare('select count(*) as found from orders').get()?.found, 3)
    restored.close()
    assert.equal(await readFile(join(back, 'uploads', 'receipt.txt'), 'utf8'), 'paid\n')
  })

  test('gives no operation a name twice, also when its journal is lost', async () => {
    const number = async () => Number((await site.must(['backup'])).operation.id.slice(2))
    const last = await number()
    await site.run(['agent', 'stop'])
    const path = join(site.home, 'agent/journal.db')
    ;(await untilFree(path)).close()
    for (const suffix of ['', '-wal', '-shm']) await rm(`${path}${suffix}`, { force: true })
    assert.equal(await number(), last + 1000)
  })

  test('is never said to run: not when its file was deployed, and not when that was taken down', async () => {
    await site.must(['deploy'])
    await site.must(['backup'])
    const drill = (await site.must(['drill'])).plan.lines.map(({ text }) => text)
    assert.ok(drill.includes('stops at "content equal": fettle runs no services of this app'), drill.join())
    const words = async () => {
      const { state, release, deployedAt, counters, why } = await site.status()
      return { state, release, deployedAt, counters, why }
    }
    const external = { state: 'external', release: undefined, deployedAt: undefined, counters: undefined, why: undefined }
    assert.deepEqual(await words(), external)
    const { releases } = await site.look<{ releases: ReleaseView[] }>(['releases'])
    assert.deepEqual(
      releases.map(({ id, state }) => [id, state]),
      [['r1', 'ready']],
    )
    const restart = await site.operate(['restart'])
    assert.deepEqual([restart.error?.code, restart.error?.message], ['REFUSED', 'shop has no services: something else runs it'])
    assert.equal((await site.operate(['scale', 'web=2'])).error?.message, restart.error?.message)
    const { plan } = await site.must(['down'])
    assert.equal(plan.lines[0]?.text, 'the releases go')
    assert.deepEqual(await words(), external)
    const again = (await site.operate(['down', '--yes'])).plan
    assert.deepEqual([again.empty, again.lines[0]?.text], [true, 'it was taken down already; its data and backups stayed'])
  })

  test('has a store taken out of its file after a deploy: backup, status and doctor go by the file, and the backup says what it leaves out', async () => {
    const file = await readFile(join(site.app, 'fettle.yaml'), 'utf8')
    await site.edit('fettle.yaml', text => text.replace(/\n {2}uploads:.*/, '\n  new: { sqlite: not-yet.db }'))
    const { lines } = (await site.must(['backup'])).plan
    const left = `uploads is not in the file any more, nor in this snapshot; its data stays in ${join(site.app, 'uploads')}`
    assert.deepEqual(
      lines.map(({ text }) => text),
      ['snapshot of data', left],
    )
    const { stores, state } = await site.status()
    assert.deepEqual([stores.map(({ name }) => name), state], [['data'], 'external'])
    await rename(join(site.app, 'uploads'), join(site.app, 'uploads.away'))
    assert.ok((await doctor()).some(({ name, text }) => name === 'shop/production' && text === 'external'))
    await rename(join(site.app, 'uploads.away'), join(site.app, 'uploads'))
    await writeFile(join(site.app, 'fettle.yaml'), file)
  })

  test('is not said to be run by something else any more, once it has services of which no deploy went well', async () => {
    await site.edit('fettle.yaml', text => `${text}services: { web: { run: exit 3 } }\n`)
    const { code, error } = await site.operate(['deploy', '--yes'])
    assert.deepEqual([code, error?.code], [6, 'NOT_READY'])
    assert.equal((await site.status()).state, 'never deployed')
  })
})

test('a folder that holds its own repository, also by a link, is not backed up into itself', async context => {
  const site = await openInstallation(async into => {
    await mkdir(join(into, 'all/uploads'), { recursive: true })
    await symlink(join(into, 'all'), join(into, 'link'))
    const repository = `backups: { repository: { directory: ${join(into, 'all/backups')} } }\n`
    await writeFile(join(into, 'fettle.yaml'), `app: shop\nstores: { data: { files: ${join(into, 'link')} } }\n${repository}`)
  })
  context.after(() => site.close())
  const { error } = await site.operate(['backup', '--yes'])
  assert.equal(error?.code, 'REFUSED')
  assert.match(error?.message ?? '', /the store data, .*link, holds the repository of its backups, .*all\/backups/)
  await site.edit('fettle.yaml', text => text.replace('link }', 'all/uploads }'))
  await site.must(['backup'])
})
