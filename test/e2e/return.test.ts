/** Going back: by hand, by the trial after a switch, by tests on the live route; and tests without a deploy. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { ReleaseView, SnapshotView } from '../../src/api/views.ts'
import type { OperationRecord, Plan } from '../../src/core/plan.ts'
import { assembleGuestbook } from '../helpers/guestbook.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { Load } from '../helpers/load.ts'

const HOST = 'guestbook.localhost'

describe('a release that serves', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => assembleGuestbook('v1', into))
    await site.must(['deploy'])
  })
  after(() => site.close())

  const versionThatServes = async (): Promise<string> => JSON.parse((await site.ask(HOST, '/version')).text).version
  const operations = async (): Promise<OperationRecord[]> => (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
  const stateOf = ({ steps }: OperationRecord, id: string) => steps.find(step => step.id === id)?.state
  const releases = async (): Promise<ReleaseView[]> => (await site.look<{ releases: ReleaseView[] }>(['releases'])).releases

  test('[rocketchat-07] is tested again without a deploy, and the exit code says how it went', async () => {
    const before = await site.status()
    const { operation } = await site.must(['test'])
    assert.deepEqual(operation.steps[0]?.output, { passed: 1, failure: null })
    assert.equal((await site.status()).generation, before.generation, 'nothing was switched')
    await changeData('alter table entries rename to gone')
    const { code, error, operation: failed } = await site.operate(['test'])
    assert.deepEqual([code, error?.code, failed?.state], [6, 'TEST_FAILED', 'undone'])
    assert.match(error?.message ?? '', /GET \/ on web: .*500/)
    await changeData('alter table gone rename to entries')
    await site.must(['test'])
  })

  async function changeData(sql: string): Promise<void> {
    const db = new DatabaseSync((await site.status()).stores.find(({ name }) => name === 'data')?.path ?? '', { timeout: 10_000 })
    db.exec(sql)
    db.close()
  }

  test('is returned from when it misbehaves under traffic: the trial ends with a rollback, and the release says why', async t => {
    await assembleGuestbook('v4', site.app)
    await site.edit('fettle.yaml', text => text.replace('keep: 5', 'keep: 5\n  bake: { for: 5m, errors: 5%, min-requests: 20 }'))
    const { operation } = await site.must(['deploy'])
    assert.equal(await versionThatServes(), '4.0.0')
    assert.ok((await site.status()).trialUntil)
    const load = new Load(await site.address(), [
      {
        request: () => ({ host: HOST, path: '/entries' }),
        judge: ({ status }) => (status === 200 || status === 500 ? undefined : `${status}`),
        pauseMs: 5,
      },
    ])
    const back = await site.until(({ release, operation }) => release === 'r1' && operation === undefined)
    const { sent, failures } = await load.stop()
    t.diagnostic(`${sent} requests until it was returned`)
    assert.deepEqual(failures, [])
    assert.equal(back.state, 'up')
    assert.equal(await versionThatServes(), '1.0.0')
    const [rollback, bake] = await operations()
    assert.deepEqual([rollback?.plan.kind, rollback?.plan.parent, bake?.plan.parent], ['rollback', bake?.id, operation.id])
    const returned = (await releases()).find(({ id }) => id === 'r2')
    assert.match(returned?.note ?? '', /returned: .*%/)
    const again = (await site.look<Plan>(['plan'])).lines
    assert.ok(again.some(({ text, tone }) => tone === 'warn' && /the same source and settings as r2, which was returned: .*%/.test(text)))
  })

  test('[rocketchat-07] is updated by one command and returned from by one, which tests again; the data stays', async () => {
    await assembleGuestbook('v2', site.app)
    const { operation: update } = await site.must(['deploy'])
    const gap = update.steps.find(({ id }) => id === 'handover-digest')?.note
    assert.match(gap ?? '', /^none was ready for \d+ ms$/)
    assert.equal(await versionThatServes(), '2.0.0')
    const body = JSON.stringify({ author: 'Ada', text: 'written to version 2' })
    await site.ask(HOST, '/entries', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { operation, plan } = await site.must(['rollback'])
    assert.ok(plan.lines.some(({ text }) => text.startsWith('data stays')))
    assert.equal(stateOf(operation, 'smoke'), 'done')
    assert.equal(stateOf(operation, 'test'), 'done')
    assert.equal(await versionThatServes(), '1.0.0')
    assert.match((await site.ask(HOST, '/entries')).text, /written to version 2/)
    const note = `${operation.id} went back to r1`
    assert.equal((await releases()).find(({ id }) => id === 'r3')?.note, `returned: ${note}`)
    const again = (await site.look<Plan>(['plan'])).lines
    assert.deepEqual(again.at(-1), { text: `the same source and settings as r3, which was returned: ${note}`, tone: 'warn' })
    await site.must(['rollback', 'production', 'r3'])
    assert.equal((await releases()).find(({ id }) => id === 'r3')?.note, undefined, 'it serves again')
    const { snapshots } = await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])
    const before = snapshots.find(({ release }) => release === 'r1')?.id ?? ''
    const { plan: back } = await site.operate(['rollback', 'production', 'r1', '--data', before, '--dry-run'])
    assert.match(back.confirm ?? '', /\d rows? or files? new or changed since \(what a migration changed counts too\) would be lost/)

    const path = join(site.home, `backups/snapshots/guestbook/production/${snapshots[0]?.id}.json`)
    await writeFile(path, (await readFile(path, 'utf8')).replace('takenAt', 'takenOn'))
    const { plan: doubted } = await site.operate(['rollback', 'production', 'r1', '--data', 'newest', '--dry-run'])
    assert.ok(doubted.confirm?.includes(`not the newest: ${snapshots[0]?.id} can not be read`), doubted.confirm)
  })
})

describe('a release on trial', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => assembleGuestbook('v1', into))
    await site.must(['deploy'])
    await assembleGuestbook('v4', site.app)
    await site.edit('fettle.yaml', text => text.replace('keep: 5', 'keep: 5\n  bake: { for: 5m, errors: 5%, min-requests: 20 }'))
    await site.must(['deploy'])
  })
  after(() => site.close())

  test('stays on trial through a backup, a restart and a deploy that is refused, and is returned from all the same', async () => {
    const trial = async () => {
      const { operations } = await site.look<{ operations: OperationRecord[] }>(['operations'])
      return operations.filter(({ plan, state }) => plan.kind === 'bake' && state === 'running').map(({ id }) => id)
    }
    const before = await trial()
    assert.equal(before.length, 1)
    await site.must(['backup'])
    await site.must(['restart'])
    await site.edit('fettle.yaml', text => text.replace('migrate: node migrate.js', 'migrate: "false"'))
    assert.equal((await site.operate(['deploy', '--yes'])).code, 6)
    assert.ok((await site.status()).trialUntil)
    assert.deepEqual([(await site.status()).release, await trial()], ['r2', before])
    const load = new Load(await site.address(), [{ request: () => ({ host: HOST, path: '/entries' }), judge: () => undefined, pauseMs: 5 }])
    await site.until(({ release, operation }) => release === 'r1' && operation === undefined)
    await load.stop()
  })
})
