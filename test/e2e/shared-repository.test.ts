/** Homes that keep the snapshots of one app and environment in one repository, each sealed for its own key. */
import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { Answers } from '../../src/api/contract.ts'
import type { DoctorReport } from '../../src/api/views.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { temporaryFolder } from '../helpers/temporary.ts'

describe('two homes on one repository, with the same app and environment', () => {
  const repository = join(temporaryFolder(), 'repository')
  let [first, second]: Installation[] = []
  const ids: string[] = []

  const openHome = () =>
    openInstallation(async into => {
      await mkdir(into, { recursive: true })
      const database = join(into, 'shop.db')
      const db = new DatabaseSync(database)
      db.exec('create table orders (id integer primary key); insert into orders values (1), (2)')
      db.close()
      const backups = `backups:\n  keep: { last: 1 }\n  repository: { directory: ${repository} }\n`
      await writeFile(join(into, 'fettle.yaml'), `app: shop\nstores:\n  data: { sqlite: ${database} }\n${backups}`)
    })
  before(async () => {
    first = await openHome()
    second = await openHome()
  })
  after(async () => {
    for (const site of [first, second]) await site?.close()
  })

  const held = (site: Installation | undefined) => site?.look<Answers['snapshots']>(['snapshots']) as Promise<Answers['snapshots']>
  const doctor = async (site: Installation | undefined): Promise<string[]> => {
    const { items } = JSON.parse((await site?.run(['doctor', '--json']))?.stdout ?? '') as DoctorReport
    return items.filter(({ name }) => name === 'shop/production backups').map(({ state, text }) => `${state}: ${text}`)
  }
  const publicKey = async (site: Installation | undefined) =>
    /age1\w+/.exec(await readFile(site?.paths.key('shop') ?? '', 'utf8'))?.[0] ?? ''

  test('the second is told of the snapshots it does not open, and asked before it begins its own', async () => {
    await first?.must(['backup'])
    await first?.must(['drill'])
    ids.push((await held(first)).snapshots[0]?.id ?? '')
    assert.match(ids[0] ?? '', /^\d{8}-\d{6}-op1-[0-9a-f]{6}$/)
    const key = await publicKey(first)
    const asked = `no snapshot opens here: ${repository} has 1 snapshot of shop/production sealed for another key: ${key}`
    await second?.run(['agent', 'start'])
    for (const command of ['backup', 'deploy']) {
      const { code, plan } = (await second?.operate([command])) ?? {}
      assert.deepEqual([code, plan?.confirm?.startsWith(`${asked}; first bring the key`)], [5, true], command)
      assert.ok(plan?.lines.some(({ text, tone }) => tone === 'warn' && text === plan.confirm))
    }
    assert.deepEqual(await doctor(second), [`warn: ${asked}`])
    const refused = await second?.operate(['restore', '--to', join(second.folder, 'back')])
    assert.equal(refused?.error?.code, 'SECRET_LOCKED')
    await assert.rejects(publicKey(second), { code: 'ENOENT' }, 'no key was made by that')
  })

  test('neither counts, proves or removes what the other took', async () => {
    await second?.must(['backup'])
    const { confirm } = (await second?.must(['backup']))?.plan ?? {}
    assert.equal(confirm, undefined, 'asked once')
    await second?.must(['drill'])
    await second?.must(['backup'])
    const [own, others] = [await held(second), await held(first)]
    assert.deepEqual(
      others.snapshots.map(({ id, rung }) => [id, rung]),
      [[ids[0], 'content-equal']],
    )
    assert.deepEqual(
      own.foreign.map(({ id }) => id),
      ids,
    )
    assert.deepEqual(
      others.foreign.map(({ id }) => id),
      own.snapshots.map(({ id }) => id),
    )
    assert.deepEqual((await second?.status())?.backup?.foreign, ids)
    const { stdout } = (await second?.run(['snapshots'])) ?? {}
    assert.ok(stdout?.includes(`! ${ids[0]} is sealed for another key: ${await publicKey(first)}`))
    await first?.must(['restore', '--to', join(first.folder, 'back')])
  })

  test('the default restore never takes what does not open, and one that is named is refused with its key', async () => {
    const { plan } = (await second?.must(['restore', '--to', join(second.folder, 'back')])) ?? {}
    assert.ok(!plan?.lines[0]?.text.includes(ids[0] ?? ''))
    for (const args of [
      ['restore', ids[0] ?? '', '--to', join(second?.folder ?? '', 'named')],
      ['drill', ids[0] ?? ''],
    ]) {
      const { error } = (await second?.operate(args)) ?? {}
      assert.deepEqual(
        [error?.code, error?.message],
        ['SECRET_LOCKED', `shop/production: ${ids[0]} sealed for another key: ${await publicKey(first)}`],
      )
      assert.match(error?.hint ?? '', /its line AGE-SECRET-KEY-1… belongs into .*shop\.key/)
    }
  })

  test('once the other key lies beside its own, all of them open', async () => {
    const path = second?.paths.key('shop') ?? ''
    await copyFile(path, `${path}.before`)
    await writeFile(path, `${await readFile(path, 'utf8')}${await readFile(first?.paths.key('shop') ?? '', 'utf8')}`)
    const { snapshots, foreign } = await held(second)
    assert.deepEqual([snapshots.some(({ id }) => id === ids[0]), foreign], [true, []])
    await second?.must(['restore', ids[0] ?? '', '--to', join(second.folder, 'theirs')])
    await copyFile(`${path}.before`, path)
  })
})
