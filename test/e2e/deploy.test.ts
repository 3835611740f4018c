/** The main job, by the program alone: a release is deployed, the next one under load; bad ones are refused before they touch anything. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { OperationRecord } from '../../src/core/plan.ts'
import { assembleGuestbook } from '../helpers/guestbook.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { Load } from '../helpers/load.ts'

const HOST = 'guestbook.localhost'

describe('the guestbook', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => assembleGuestbook('v1', into))
  })
  after(() => site.close())

  const versionThatServes = async (): Promise<string> => JSON.parse((await site.ask(HOST, '/version')).text).version
  const sign = async (author: string, text = 'hello'): Promise<void> => {
    const body = JSON.stringify({ author, text })
    const { status } = await site.ask(HOST, '/entries', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    assert.equal(status, 201)
  }
  const databasePath = async (): Promise<string> => (await site.status()).stores.find(({ name }) => name === 'data')?.path ?? ''
  const entries = async (): Promise<Record<string, unknown>[]> => {
    const db = new DatabaseSync(await databasePath(), { readOnly: true })
    const rows = db.prepare('select * from entries order by id').all()
    db.close()
    return rows
  }
  const stepsOf = ({ steps }: OperationRecord): string[] => steps.filter(({ state }) => state === 'done').map(({ id }) => id)

  /** What serves is not touched by a deploy that fails. @returns how it failed */
  async function mustFail(args: string[]): Promise<{ code: number | null; operation: OperationRecord | undefined; message: string }> {
    const [rows, { release, generation }] = [await entries(), await site.status()]
    const load = new Load(await site.address(), [{ request: () => ({ host: HOST, path: '/entries' }) }])
    const { code, operation, error } = await site.operate([...args, '--yes'])
    const { failures } = await load.stop()
    assert.deepEqual(failures, [])
    assert.notEqual(operation?.state, 'done')
    assert.deepEqual(await entries(), rows)
    const now = await site.status()
    assert.deepEqual([now.release, now.generation, now.state], [release, generation, 'up'])
    return { code, operation, message: error?.message ?? '' }
  }

  test('is deployed, migrated and tested; its data lies outside of the source', async () => {
    const { operation, plan } = await site.must(['deploy'])
    assert.ok(plan.lines.some(({ text }) => text === 'first release of guestbook'))
    assert.deepEqual(
      stepsOf(operation),
      plan.steps.map(({ id }) => id),
    )
    assert.equal(await versionThatServes(), '1.0.0')
    assert.equal((await site.status()).state, 'up')
    assert.ok((await databasePath()).startsWith(site.paths.live))
  })

  test('is not deployed again when nothing changed', async () => {
    const { code, plan, operation } = await site.operate(['deploy', '--yes'])
    assert.deepEqual([code, plan.empty, operation], [0, true, undefined])
  })

  test('is updated under load, with a migration: no request is lost, and none that was acknowledged is missing', async t => {
    await sign('Ada')
    await assembleGuestbook('v2', site.app)
    const address = await site.address()
    const body = (n: number) => JSON.stringify({ author: `guest ${n}`, text: 'under load' })
    const writer = (n: number) => ({
      host: HOST,
      path: '/entries',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: body(n),
    })
    const acknowledged = new Set<number>()
    const load = new Load(address, [
      { request: () => ({ host: HOST, path: '/' }) },
      { request: () => ({ host: HOST, path: '/version', headers: { connection: 'close' } }) },
      {
        request: writer,
        judge: ({ status, text }) => {
          if (status !== 201) return `${status} ${text}`
          acknowledged.add(JSON.parse(text).id)
          return undefined
        },
        pauseMs: 50,
      },
    ])
    await site.must(['deploy'])
    const { sent, failures, slowestMs } = await load.stop()
    t.diagnostic(`${sent} requests sent, ${failures.length} lost, longest ${Math.round(slowestMs)} ms`)
    assert.deepEqual(failures, [])
    assert.equal(await versionThatServes(), '2.0.0')
    const rows = await entries()
    const present = new Set(rows.map(({ id }) => id))
    assert.deepEqual(
      [...acknowledged].filter(id => !present.has(id)),
      [],
    )
    assert.equal(rows[0]?.words, 1, 'migrated')
  })

  test('with a build that fails stays as it is; the output of the build can be read afterwards', async () => {
    await site.edit('fettle.yaml', text => text.replace('build: npm ci', 'build: "echo compiling && ls no-such-file"'))
    const { code, operation, message } = await mustFail(['deploy'])
    assert.equal(code, 6)
    assert.match(message, /build command .* exited 2/)
    const { stdout } = await site.run(['logs', '--operation', operation?.id ?? ''])
    assert.match(stdout, /compiling[\s\S]*no-such-file/)
    await assembleGuestbook('v2', site.app)
  })

  test('with a migration that fails on its real data is refused: it failed on a copy', async () => {
    await sign('Ada')
    await assembleGuestbook('v3', site.app)
    const { code, operation, message } = await mustFail(['deploy'])
    assert.equal(code, 6)
    assert.match(message, /copy of the data.*UNIQUE constraint failed/s)
    assert.ok(operation && !stepsOf(operation).includes('migrate'))
    assert.equal(operation.steps.find(({ id }) => id === 'migrate')?.state, 'waiting')
    await rm(join(site.app, 'migrations/003-one-entry-a-guest.sql'))
  })

  test('[rm3-12] whose page lost its end is refused by the text that is looked for near the end of it', async () => {
    await assembleGuestbook('v2', site.app)
    await site.edit('page.js', text => text.replace('</footer>', ''))
    const { code, operation, message } = await mustFail(['deploy'])
    assert.equal(code, 6)
    assert.match(message, /GET \/ on web: .*<\/footer>/)
    assert.ok(operation && !stepsOf(operation).includes('start-web'))
    await assembleGuestbook('v2', site.app)
  })

  test('[rm3-09] is reconfigured through the same gates as a release: rehearsed, tested, switched, and refused when it does not work', async () => {
    await site.edit('fettle.yaml', text =>
      text.replace('UPLOADS: "${stores.uploads.path}" }', 'UPLOADS: "${stores.uploads.path}", GREETING: hi }'),
    )
    const { operation, plan } = await site.must(['deploy'])
    assert.ok(plan.lines.some(({ text }) => text.includes('GREETING')))
    for (const gate of ['snapshot', 'rehearse-migrate', 'rehearse-boot', 'smoke', 'switch', 'test'])
      assert.ok(stepsOf(operation).includes(gate), gate)
    const { release } = await site.status()
    await site.edit('fettle.yaml', text => text.replace('run: node server.js', 'run: node serve.js').replace('within: 30s', 'within: 3s'))
    const { code, message } = await mustFail(['deploy'])
    assert.equal(code, 6)
    assert.match(message, /web.* was not ready within 3 s.*MODULE_NOT_FOUND/s)
    await site.edit('fettle.yaml', text => text.replace('run: node serve.js', 'run: node server.js').replace('within: 3s', 'within: 30s'))
    assert.equal((await site.operate(['deploy', '--yes'])).plan.empty, true, `${release} is the whole configuration`)
  })

  test('whose file is wrong is not even planned: the place, the word, the nearest valid name, exit code 2', async () => {
    await site.edit('fettle.yaml', text => text.replace('instances: 2', 'instancs: 2'))
    const { code, stderr, stdout } = await site.run(['deploy', '--yes'])
    assert.equal(code, 2)
    assert.match(stderr, /fettle\.yaml:7:5.*instancs/s)
    assert.match(stderr, /instances/)
    assert.equal(stdout, '')
    await assembleGuestbook('v2', site.app)
  })

  test('named by an environment, a folder or a release that does not exist ends with exit code 3 and says which exist', async () => {
    const unknown = await site.run(['deploy', 'live', '--yes'])
    assert.equal(unknown.code, 3)
    assert.match(unknown.stderr, /production, staging|production/)
    const release = await site.run(['rollback', 'production', 'r99', '--yes'])
    assert.equal(release.code, 3)
    assert.match(release.stderr, /no release r99[\s\S]*r1/)
    const elsewhere = await site.run(['deploy', '--yes'], { cwd: site.folder })
    assert.equal(elsewhere.code, 3)
    await writeFile(join(site.folder, 'fettle.yaml'), 'app: other\nservices: [')
    assert.equal((await site.run(['validate'], { cwd: site.folder })).code, 2)
  })
})
