import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { tableOf } from '../../../../../test/conformance/proxy.ts'
import { FettleError } from '../../../../core/errors.ts'
import type { RouteTable } from '../../../../ports/proxy.ts'
import { TableFiles } from './table-files.ts'

let folder: string
let logged: string[]
let served: number[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fettle-tables-'))
  logged = []
  served = []
})
afterEach(() => rm(folder, { recursive: true }))

const open = (): TableFiles => {
  const files = new TableFiles(folder, line => logged.push(line))
  files.removeHalfWritten()
  files.load()
  return files
}
const serve = (table: RouteTable) => void served.push(table.generation)
const code = (expected: string) => (error: unknown) => error instanceof FettleError && error.code === expected
const backend = { kind: 'tcp', host: '127.0.0.1', port: 1 } as const

test('a table is on disk before it is served, and is found again', async () => {
  const files = open()
  let onDisk = ''
  const path = join(folder, 'shop', 'production.json')
  await files.commit(tableOf(1, [backend]), 0, () => {
    onDisk = path
  })
  assert.deepEqual(JSON.parse(await readFile(onDisk, 'utf8')), tableOf(1, [backend]))
  assert.deepEqual(open().get('shop', 'production'), tableOf(1, [backend]))
})

test('of two commits at once that expect the same generation, one is refused', async () => {
  const files = open()
  const results = await Promise.allSettled([
    files.commit(tableOf(1, [backend]), 0, serve),
    files.commit(tableOf(1, [backend], { release: 'other' }), 0, serve),
  ])
  assert.deepEqual(
    results.map(result => result.status),
    ['fulfilled', 'rejected'],
  )
  assert.deepEqual(served, [1])
})

test('a table half written when the machine went down is removed and said, and the one before stays', async () => {
  await open().commit(tableOf(1, [backend]), 0, serve)
  await writeFile(join(folder, 'shop', 'production.json.tmp'), '{"format":1,"app":"sh')
  assert.equal(open().get('shop', 'production')?.generation, 1)
  assert.match(logged.join('\n'), /production\.json\.tmp is removed: a crash interrupted its writing/)
  assert.deepEqual(await readdir(join(folder, 'shop')), ['production.json'])
})

for (const [what, text, expected] of [
  ['is cut off', '{"format":1,"app":"sh', 'DAMAGED'],
  ['is empty', '', 'DAMAGED'],
  ['has a backend that is none', JSON.stringify(tableOf(1, [{ kind: 'tcp', host: '127.0.0.1', port: 0 }])), 'DAMAGED'],
  ['belongs to another environment', JSON.stringify(tableOf(1, [backend], { environment: 'staging' })), 'DAMAGED'],
  ['was written by a newer fettle', JSON.stringify({ ...tableOf(1, [backend]), format: 2 }), 'VERSION'],
] as const) {
  test(`a table that ${what} is left out with its reason, never overwritten, and others are served`, async () => {
    await open().commit(tableOf(4, [backend], { app: 'other', generation: 1, routes: [] }), 0, serve)
    await mkdir(join(folder, 'shop'))
    await writeFile(join(folder, 'shop', 'production.json'), text)
    const files = open()
    assert.deepEqual(
      files.all().map(table => table.app),
      ['other'],
    )
    assert.match(logged.join('\n'), /shop\/production\.json is left out: /)
    assert.throws(() => files.get('shop', 'production'), code(expected))
    await assert.rejects(files.commit(tableOf(1, [backend]), 0, serve), code(expected))
    assert.equal(await readFile(join(folder, 'shop', 'production.json'), 'utf8'), text)
  })
}

test('a route that another environment serves is refused, and free again once it does not', async () => {
  const files = open()
  await files.commit(tableOf(1, [backend]), 0, serve)
  const other = tableOf(1, [backend], { app: 'other' })
  await assert.rejects(files.commit(other, 0, serve), code('REFUSED'))
  await files.commit(tableOf(2, [], { routes: [] }), 1, serve)
  await files.commit(other, 0, serve)
})

test('a hold is found again after a restart, until a release or a commit ends it', async () => {
  const files = open()
  await files.commit(tableOf(1, [backend]), 0, serve)
  await files.hold('shop', 'production', 5_000, () => {})
  assert.deepEqual([...open().holds()], [['shop/production', { maxWaitMs: 5_000 }]])
  await files.release('shop', 'production', () => {})
  assert.equal(open().holds().size, 0)
  await files.hold('shop', 'production', 5_000, () => {})
  await files.commit(tableOf(2, [backend]), 1, serve)
  assert.equal(open().holds().size, 0)
})

test('a name that would leave the folder is refused', async () => {
  const { parseTable } = await import('./parse-table.ts')
  for (const app of ['../x', 'a/b', '', '.', '..']) assert.throws(() => parseTable(tableOf(1, [], { app })), code('DAMAGED'))
})
