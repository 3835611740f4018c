/** That the checks of the sweep can fail: each kind of damage is done on purpose, and must be told. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, open, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { atRest, damage, unsettled } from './check.ts'
import { assertSound, eventually, openSite } from './scenario.ts'
import { Snapshots } from './snapshots.ts'

const site = await openSite()
const wrong = async (): Promise<string> => (await damage(site, new Snapshots(site), atRest(site))).join('\n')
const left = async (): Promise<string> => (await unsettled(site, new Snapshots(site), atRest(site))).join('\n')

test('an acknowledged entry and a file that are gone are told', async () => {
  await eventually(() => (site.load.entries.size > 0 && site.load.files.size > 0 ? [] : ['nothing is acknowledged yet']))
  const { stores } = await site.table()
  const [entry] = site.load.entries
  const [file] = site.load.files.keys()
  const database = new DatabaseSync(join(stores.data ?? '', 'ledger.db'), { timeout: 10_000 })
  database.prepare('delete from entries where n = ?').run(entry ?? 0)
  database.close()
  await rm(join(stores.uploads ?? '', file ?? ''))
  assert.match(await wrong(), /^1 acknowledged entries are lost, 0 were announced\nacknowledged files are lost: file-/)
  await assertSound(site)
})

test('an answer of a version that is not declared is told', async () => {
  site.load.declared.clear()
  await site.load.version()
  site.load.declared.add(site.version)
  assert.match(await wrong(), /was answered with 200 .*, not by/)
})

test('two of what may run once are told', async () => {
  await appendFile(site.overlaps, 'two of beat at once\n')
  assert.match(await wrong(), /^two of beat at once$/m)
  await rm(site.overlaps)
})

test('a process, folders and half-written files that nothing needs are told', async () => {
  const stray = spawn('sleep', ['86400'], { cwd: site.home })
  const folders = [
    join(site.paths.scratches, 'op99'),
    join(site.paths.units, 'commands', 'op99-build'),
    join(site.repository, 'pending', 'op99'),
  ]
  for (const folder of folders) await mkdir(folder, { recursive: true })
  const half = join(site.paths.front, 'table.json.0011aabb.tmp')
  await writeFile(half, '')
  const found = await left()
  for (const word of [`process ${stray.pid} `, 'scratch/op99', 'unit commands/op99-build', 'stored object pending/op99', '0011aabb.tmp'])
    assert.ok(found.includes(word), `${word} is not in:\n${found}`)
  stray.kill()
  await once(stray, 'exit')
  for (const path of [...folders, half]) await rm(path, { recursive: true })
  await assertSound(site)
})

test('a service that does not run and a status that says so are told', async () => {
  site.load.mayRefuse = true
  await site.client.call('start', { request: { kind: 'stop', file: site.file } })
  await site.settled()
  assert.match(await left(), /the status is stopped in place of up/)
  await site.mustDo({ kind: 'restart', file: site.file })
  site.load.mayRefuse = false
  await assertSound(site)
})

test('a listed snapshot of which a byte is wrong is told', async () => {
  await site.mustDo({ kind: 'backup', file: site.file })
  const objects = await readdir(join(site.repository, 'objects'), { recursive: true, withFileTypes: true })
  const object = objects.find(entry => entry.isFile())
  const file = await open(join(object?.parentPath ?? '', object?.name ?? ''), 'r+')
  const { size } = await file.stat()
  await file.write(Buffer.from('?'), 0, 1, size - 1)
  await file.close()
  assert.match(await wrong(), /snapshot .* does not restore|snapshot .*: /)
})
