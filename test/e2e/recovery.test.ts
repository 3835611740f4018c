/** Accidents undone: what is lost is said before and is what is lost, to the row. */
import assert from 'node:assert/strict'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { SnapshotView } from '../../src/api/views.ts'
import { assembleGuestbook } from '../helpers/guestbook.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { Load } from '../helpers/load.ts'

const HOST = 'guestbook.localhost'

describe('the guestbook', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => assembleGuestbook('v1', into))
    await site.must(['deploy'])
    for (let n = 1; n <= 20; n++) await sign(`guest ${n}`)
    await site.ask(HOST, '/uploads/picture', { method: 'PUT', body: 'a picture' })
  })
  after(() => site.close())

  const storePath = async (store: string): Promise<string> => (await site.status()).stores.find(({ name }) => name === store)?.path ?? ''
  const sign = async (author: string): Promise<void> => {
    const headers = { 'content-type': 'application/json' }
    const { status } = await site.ask(HOST, '/entries', { method: 'POST', headers, body: JSON.stringify({ author, text: 'hello' }) })
    assert.equal(status, 201)
  }
  const entries = async (): Promise<{ id: number; author: string }[]> => JSON.parse((await site.ask(HOST, '/entries')).text)
  const newest = async (): Promise<SnapshotView> => {
    const [snapshot] = (await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])).snapshots
    assert.ok(snapshot)
    return snapshot
  }

  test('[rocketchat-10] has its backup tested by one command: restored where nothing leaves, compared to the row, started and asked', async t => {
    await site.must(['backup'])
    assert.equal((await newest()).rung, 'stored')
    const load = new Load(await site.address(), [{ request: () => ({ host: HOST, path: '/entries' }) }])
    const { operation } = await site.must(['drill'])
    const { sent, failures, slowestMs } = await load.stop()
    const loaded = operation.steps.find(({ id }) => id === 'load')?.output
    t.diagnostic(`${JSON.stringify(loaded)}; beside it ${sent} requests, ${failures.length} lost, longest ${Math.round(slowestMs)} ms`)
    assert.deepEqual(failures, [])
    assert.equal((await newest()).rung, 'booted')
    assert.equal((await entries()).length, 20)
  })

  test('[rm3-06] has its database and uploads deleted, and everything is recreated from the backup: no row is missing', async t => {
    const before = await entries()
    const [database, uploads] = [await storePath('data'), await storePath('uploads')]
    for (const name of await readdir(dirname(database))) await rm(join(dirname(database), name))
    await rm(join(uploads, 'picture'))
    const { operation } = await site.must(['restore'])
    t.diagnostic(`restored in ${(operation.endedAt ?? 0) - operation.createdAt} ms`)
    assert.deepEqual(await entries(), before)
    assert.equal((await site.ask(HOST, '/uploads/picture')).text, 'a picture')
    assert.equal((await site.status()).state, 'up')
  })

  test('[rocketchat-12] [rocketchat-14] is restored by one command that asks first where rows would be lost, and loses exactly those it named', async t => {
    await site.must(['backup'])
    for (const author of ['late 1', 'late 2', 'late 3']) await sign(author)
    const { code, error, plan } = await site.operate(['restore', 'newest'])
    assert.deepEqual([code, error?.code], [5, 'REFUSED'])
    assert.match(plan.confirm ?? '', /(^|[^\d])([34]) rows or files/)
    assert.equal((await entries()).length, 23, 'nothing was done')
    const load = new Load(await site.address(), [{ request: () => ({ host: HOST, path: '/version' }) }])
    const { operation } = await site.must(['restore', 'newest'])
    const { note = '' } = operation.steps.find(({ id }) => id === 'loss') ?? {}
    assert.match(
      note,
      /^[34] rows or files new or changed since are gone, as announced; what was replaced lies aside until the next restore: /,
    )
    assert.ok((await site.run(['operations', 'show', operation.id])).stdout.includes('are gone, as announced'))
    const { sent, failures, slowestMs } = await load.stop()
    t.diagnostic(`${plan.confirm}; ${sent} requests, ${failures.length} lost, longest wait ${Math.round(slowestMs)} ms`)
    assert.deepEqual(failures, [], 'requests wait while the data is exchanged')
    const left = await entries()
    assert.deepEqual(
      left.filter(({ author }) => author.startsWith('late')),
      [],
    )
    assert.equal(left.length, 20)
    assert.equal(operation.steps.find(({ id }) => id === 'test')?.state, 'done', 'and it is tested')
  })

  test('is restored while guests write on: what came after the question is lost too, and said', async t => {
    const acknowledged: string[] = []
    const headers = { 'content-type': 'application/json' }
    const guests = new Load(await site.address(), [
      {
        request: n => ({
          host: HOST,
          path: '/entries',
          method: 'POST',
          headers,
          body: JSON.stringify({ author: `busy ${n}`, text: 'hi' }),
        }),
        judge({ status }, n) {
          if (status === 201) acknowledged.push(`busy ${n}`)
          return status === 201 ? undefined : String(status)
        },
      },
    ])
    const { operation } = await site.must(['restore', 'newest'])
    const { failures } = await guests.stop()
    const { note = '' } = operation.steps.find(({ id }) => id === 'loss') ?? {}
    t.diagnostic(note)
    const left = new Set((await entries()).map(({ author }) => author))
    const lost = acknowledged.filter(author => !left.has(author)).length
    const [, gone, announced] = /^(\d+) rows or files new or changed since are gone \(announced: (\d+)\); /.exec(note) ?? []
    assert.ok(lost > 0 && Number(announced) < lost, note)
    // SQLite's own table of sequences may be one of them.
    assert.ok([lost, lost + 1].includes(Number(gone)), `${lost} were lost: ${note}`)
    assert.deepEqual(failures, [])
  })

  test('is not deployed while the repository of its snapshots is not there', async () => {
    const folder = join(site.home, 'backups')
    await rename(folder, `${folder}.away`)
    await site.edit('fettle.yaml', text => `${text}# changed\n`)
    await writeFile(join(site.app, 'changed'), '')
    const { code, error, operation } = await site.operate(['deploy', '--yes'])
    assert.deepEqual([code, error?.code, operation], [5, 'REFUSED', undefined])
    assert.match(error?.message ?? '', /is its disk mounted\?$/)
    await rename(`${folder}.away`, folder)
    await rm(join(site.app, 'changed'))
  })

  test('whose backup was damaged on disk learns it from the drill, exit code 7, and serves on', async () => {
    const objects = async (): Promise<string[]> => {
      const found = await readdir(join(site.home, 'backups/objects'), { recursive: true, withFileTypes: true })
      return found.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
    }
    const old = await objects()
    await sign('one more')
    await site.must(['backup'])
    const [path] = (await objects()).filter(name => !old.includes(name))
    assert.ok(path)
    const bytes = await readFile(path)
    await writeFile(path, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1))
    const { code, error } = await site.operate(['drill'])
    assert.deepEqual([code, error?.code], [7, 'DAMAGED'])
    assert.equal((await site.status()).state, 'up')
  })
})
