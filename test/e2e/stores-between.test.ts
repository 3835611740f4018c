/** Stores that come and go from release to release: their data is never out of sight, and no store ever lies anywhere else. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { SnapshotView } from '../../src/api/views.ts'
import type { Plan } from '../../src/core/plan.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'

const SERVER = `
import { createServer } from 'node:http'
createServer((request, response) => response.end('ok')).listen(process.env.PORT, '127.0.0.1')
process.on('SIGTERM', () => process.exit())
`
/** Repeatable, and it fails where the folder of a store is not there. */
const MIGRATE = `
import { DatabaseSync } from 'node:sqlite'
for (const path of process.argv.slice(2)) new DatabaseSync(path).exec('create table if not exists notes (text)')
`

/** A file whose stores are these; databases are migrated. */
function fileWith(stores: Record<string, string>, more = ''): string {
  const names = Object.keys(stores)
  const databases = names.filter(name => stores[name]?.includes('sqlite'))
  const entries = names.map(name => `  ${name}: { ${stores[name]} }`)
  const migrate = databases.map(name => `"\${stores.${name}.path}"`).join(' ')
  return `app: shop
services: { web: { run: node server.js, ready: { http: /, within: 20s } } }
routes: [{ host: shop.test, to: web }]
stores:
${entries.join('\n')}
release: { migrate: 'node migrate.js ${migrate}', bake: { for: 0s }${more} }
`
}

describe('a store', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(async into => {
      await mkdir(into, { recursive: true })
      await writeFile(join(into, 'package.json'), '{ "type": "module" }')
      await writeFile(join(into, 'server.js'), SERVER)
      await writeFile(join(into, 'migrate.js'), MIGRATE)
      await writeFile(join(into, 'fettle.yaml'), fileWith({ data: 'sqlite: shop.db', uploads: 'files: .' }))
    })
    await site.must(['deploy'])
    await writeFile(join(await pathOf('uploads'), 'receipt.txt'), 'paid')
  })
  after(() => site?.close())

  const write = (stores: Record<string, string>, more?: string) => writeFile(join(site.app, 'fettle.yaml'), fileWith(stores, more))
  const pathOf = async (name: string): Promise<string> => (await site.status()).stores.find(store => store.name === name)?.path ?? ''
  const snapshots = async () => (await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])).snapshots

  test('that a release left out is there again after a rollback, with its data', async () => {
    const path = await pathOf('uploads')
    await site.must(['backup'])
    await write({ data: 'sqlite: shop.db' })
    const { plan } = await site.must(['deploy'])
    assert.ok(plan.lines.some(({ text, tone }) => tone === 'warn' && text.startsWith(`the data of uploads stays in ${site.home}`)))
    assert.equal(await pathOf('uploads'), '')
    const { plan: back } = await site.must(['rollback'])
    assert.ok(back.lines.some(({ text, tone }) => tone === 'warn' && text.startsWith('uploads was there before: it has its data of then')))
    assert.ok(!back.lines.some(({ text }) => text.startsWith('data stays as it is')))
    assert.equal(await pathOf('uploads'), path)
    assert.equal(await readFile(join(path, 'receipt.txt'), 'utf8'), 'paid')
  })

  test('that is named again in a later release has the data of before, which is backed up before it is migrated', async () => {
    const path = await pathOf('uploads')
    await write({ data: 'sqlite: shop.db' })
    await site.must(['deploy'])
    await write({ data: 'sqlite: shop.db', uploads: 'files: .', extra: 'sqlite: extra.db' })
    const { plan } = await site.must(['deploy'])
    assert.ok(plan.lines.some(({ text }) => text.startsWith('uploads was there before')))
    assert.equal(await pathOf('uploads'), path)
    assert.deepEqual(
      (await snapshots())[0]?.stores.map(({ name }) => name),
      ['data', 'uploads'],
    )
  })

  test('that is gone from the file comes back beside what is live', async () => {
    await write({ data: 'sqlite: shop.db' })
    await site.must(['deploy'])
    const [newest] = await snapshots()
    const to = join(site.folder, 'restored')
    await site.must(['restore', newest?.id ?? '', '--store', 'uploads', '--to', to])
    assert.equal(await readFile(join(to, 'uploads/receipt.txt'), 'utf8'), 'paid')
  })

  test('that is new is made also where the release may stop the one before', async () => {
    await write({ data: 'sqlite: shop.db', archive: 'sqlite: archive.db' }, ', downtime: allowed')
    await site.must(['deploy'])
    const db = new DatabaseSync(await pathOf('archive'))
    assert.equal(db.prepare('select count(*) as n from notes').get()?.n, 0)
    db.close()
  })

  test('that has another name is a new one; the release before is tried with its own', async () => {
    await write({ orders: 'sqlite: shop.db' })
    const { operation } = await site.must(['deploy'])
    assert.deepEqual(operation.steps.find(({ id }) => id === 'rehearse-old')?.output, { reversible: 'proved', why: null })
  })

  test('whose place would be another one is refused, for its data would not be found there', async () => {
    await write({ orders: 'sqlite: other.db' })
    const { code, error } = await site.operate(['deploy', '--yes'])
    assert.equal(code, 5)
    assert.match(error?.message ?? '', /the store orders was \{ sqlite: shop\.db \} and would be \{ sqlite: other\.db \}/)
  })

  test('is kept in another repository from the deploy on whose file names it; those before stay where they are, and are found', async () => {
    const [before, after] = [join(site.home, 'backups'), join(site.home, 'elsewhere')]
    const file = fileWith({ orders: 'sqlite: shop.db' })
    await writeFile(join(site.app, 'fettle.yaml'), `${file}backups: { repository: { directory: elsewhere } }\n`)
    const moved = (to: string, from: string) => `snapshots go to ${to} from now on; those in ${from} stay there`
    const words = (plan: Plan) => plan.lines.map(({ text }) => text)
    const backup = await site.must(['backup'])
    assert.ok(
      words(backup.plan).includes(`it goes to ${before}, as what serves says; to ${after}, which the file names, from the next deploy on`),
    )
    const first = await site.must(['deploy', '--rehearse', 'newest-proven'])
    assert.ok(words(first.plan).includes(moved(after, before)))
    const [newest, ...others] = await snapshots()
    assert.deepEqual(
      [newest?.label, newest?.formerFolder, new Set(others.map(one => one.formerFolder))],
      [
        `before ${first.plan.steps.find(({ kind }) => kind === 'release.write@1')?.title.replace('record ', '')}`,
        undefined,
        new Set([before]),
      ],
    )
    const shown = (await site.run(['snapshots'])).stdout
    assert.match(shown, new RegExp(`Those in ${before} stay there: .fettle restore. and .fettle drill. find them`))
    await site.must(['restore', others[0]?.id ?? '', '--to', join(site.folder, 'from-before')])
    await site.must(['drill', others[0]?.id ?? ''])
    const back = await site.must(['rollback', '--data', newest?.id ?? ''])
    assert.ok(words(back.plan).includes(moved(before, after)))
    assert.deepEqual(
      (await snapshots()).map(({ id }) => id),
      [newest, ...others].map(one => one?.id),
    )
    const again = await site.must(['deploy'])
    assert.equal((await snapshots()).filter(({ formerFolder }) => formerFolder === undefined).length, 2)
    assert.ok(!words(again.plan).some(text => text.includes('from now on')), 'there they went the last time')
  })

  test('whose newest snapshots lie where nothing is mounted is not given older ones for newest without being asked', async () => {
    const elsewhere = join(site.home, 'elsewhere')
    await site.must(['backup'])
    await site.must(['drill', (await snapshots()).find(one => one.formerFolder !== undefined)?.id ?? ''])
    await rename(elsewhere, `${elsewhere}.away`)
    const gone = `maybe not the newest: the repository that the snapshots of shop/production went to is not at ${elsewhere}: is its disk mounted?`
    const to = join(site.folder, 'older')
    for (const args of [['restore', '--to', to], ['restore', 'newest', '--to', to], ['drill'], ['rollback', '--data', 'newest']]) {
      const { code, plan, error } = await site.operate(args)
      assert.deepEqual([code, error?.code], [5, 'REFUSED'], args.join(' '))
      assert.ok(plan.lines.some(({ text, tone }) => tone === 'warn' && text === gone) && plan.confirm?.includes(gone), plan.confirm)
    }
    await site.edit('fettle.yaml', text => text.replace('directory: elsewhere', 'directory: third'))
    const rehearsed = await site.operate(['deploy', '--rehearse', 'newest-proven', '--yes'])
    assert.match(rehearsed.error?.message ?? '', /^newer snapshots may lie where none can be found: the repository .* is not at /)
    await site.edit('fettle.yaml', text => text.replace('directory: third', 'directory: elsewhere'))
    await rename(`${elsewhere}.away`, elsewhere)
  })

  test('some of whose snapshots lie in a former folder that is not there: that is said where one of them may be meant', async () => {
    const former = join(site.home, 'backups')
    const { id = '' } = (await snapshots()).find(one => one.formerFolder === former) ?? {}
    await rename(former, `${former}.away`)
    const absent = `${former}, where snapshots of shop/production went before, is not there: is its disk mounted?`
    assert.ok((await site.run(['snapshots'])).stdout.includes(absent))
    const { error } = await site.operate(['restore', id, '--to', join(site.folder, 'absent')])
    assert.equal(error?.message, `shop/production has no snapshot ${id}: ${absent}`)
    const { plan } = await site.must(['drill'])
    assert.ok(!plan.lines.some(({ text }) => /is not (there|at)/.test(text)), 'the newest are all there')
    await write({ orders: 'sqlite: shop.db' })
    const back = await site.operate(['deploy', '--yes'])
    assert.deepEqual([back.code, back.error?.code], [5, 'REFUSED'], 'none is made anew in its place')
    assert.match(back.error?.message ?? '', /is not at \S+: is its disk mounted\?$/)
    assert.deepEqual(existsSync(former), false)
    await rename(`${former}.away`, former)
  })

  test('that lies in the project, like a repository there, is no part of what is deployed', async () => {
    const papers = join(site.app, 'papers')
    await mkdir(papers)
    const repository = join(site.app, 'kept')
    const file = fileWith({ orders: 'sqlite: shop.db', papers: `files: ${papers}` })
    await writeFile(join(site.app, 'fettle.yaml'), `${file}backups: { repository: { directory: ${repository} } }\n`)
    await site.must(['deploy'])
    await writeFile(join(papers, 'invoice.txt'), 'due')
    await site.must(['backup'])
    const { plan } = await site.operate(['deploy', '--dry-run'])
    assert.deepEqual([plan.empty, (await readdir(repository)).includes('repository.json')], [true, true], JSON.stringify(plan.lines))
  })

  test('that there is none of is what the list of snapshots asks for', async () => {
    await writeFile(join(site.app, 'fettle.yaml'), 'app: bare\nservices: { web: { run: node server.js } }\n')
    assert.match((await site.run(['snapshots'])).stdout, /There are no snapshots yet\.\n→ `stores:` in fettle\.yaml says what its data is/)
  })
})
