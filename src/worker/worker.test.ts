import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { manifestOf, nameOf, type TestRepository, testRepository } from '../../test/helpers/repository.ts'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import type { DataTask, StoreAt, TaskName, TaskResult } from '../core/data-tasks.ts'
import type { ErrorJson } from '../core/errors.ts'
import { programPath } from '../lib/program-path.ts'

const base = temporaryFolder()
const program = programPath('worker')

type Body = DataTask extends infer Task ? (Task extends DataTask ? Omit<Task, 'result' | 'scratch' | 'progress'> : never) : never
type Answer<Name extends TaskName> = { code: number; value?: TaskResult<Name>; error?: ErrorJson }

let count = 0
async function run<Name extends TaskName>(body: Body & { task: Name }, name = `task${++count}`): Promise<Answer<Name>> {
  const path = join(base, name)
  const task = { ...body, result: `${path}.result`, scratch: `${path}.scratch`, progress: `${path}.progress` }
  writeFileSync(`${path}.json`, JSON.stringify(task))
  const child = spawn(process.execPath, [program, `${path}.json`], { stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(child, 'close')) as [number]
  assert.ok(!existsSync(`${path}.scratch`), 'the scratch folder is removed')
  return { code, ...JSON.parse(readFileSync(`${path}.result`, 'utf8')) }
}

function liveStores(folder: string): StoreAt[] {
  mkdirSync(join(folder, 'data'), { recursive: true })
  mkdirSync(join(folder, 'uploads'), { recursive: true })
  const database = new DatabaseSync(join(folder, 'data', 'app.db'))
  database.exec("CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO entries (text) VALUES ('a'), ('b'), ('c')")
  database.close()
  writeFileSync(join(folder, 'uploads', 'one.txt'), 'one')
  return storesIn(folder)
}

const storesIn = (folder: string): StoreAt[] => [
  { name: 'data', driver: 'sqlite', config: { sqlite: 'app.db' }, folder: join(folder, 'data') },
  { name: 'uploads', driver: 'files', config: { files: '.' }, folder: join(folder, 'uploads') },
]

const configOf = (test: TestRepository) => ({
  driver: 'directory',
  folder: test.folder,
  recipients: [test.recipient],
  identityFile: test.keyFile,
})

describe('the data worker', async () => {
  const live = join(base, 'live')
  const stores = liveStores(live)
  const target = await testRepository(join(base, 'r'))
  const repository = configOf(target)

  test('takes a snapshot without the key, loads it with the key, and finds it equal', async () => {
    const taken = await run({ task: 'snapshot.take', operation: 'op1', repository: { ...repository, identityFile: undefined }, stores })
    assert.equal(taken.code, 0)
    const { parts = [], how } = taken.value ?? {}
    assert.deepEqual(
      parts.map(part => part.store),
      ['data', 'uploads'],
    )
    assert.ok(how?.some(line => line.startsWith('age -d')))
    await target.repository.commit('op1', manifestOf('s1', parts))
    const loaded = await run({ task: 'snapshot.load', repository, parts, stores: storesIn(join(base, 'scratch1')) })
    assert.deepEqual(loaded.value?.differences, [])
    assert.equal(loaded.value?.compared, 3 + 1)
  })

  test('reports where what was loaded is not what was taken', async () => {
    const { parts } = await target.repository.get(nameOf('s1'))
    const [data, uploads] = parts as [(typeof parts)[0], (typeof parts)[0]]
    const items = { entries: { rows: 4, content: data.fingerprint.items.entries?.content ?? '' } }
    const wrong = [{ ...data, fingerprint: { ...data.fingerprint, items } }, uploads]
    const loaded = await run({ task: 'snapshot.load', repository, parts: wrong, stores: storesIn(join(base, 'scratch2')) })
    assert.deepEqual(loaded.value?.differences, [{ store: 'data', item: 'entries', what: '3 rows instead of 4' }])
  })

  test('counts what going back would lose', async () => {
    const { parts } = await target.repository.get(nameOf('s1'))
    const database = new DatabaseSync(join(live, 'data', 'app.db'))
    database.exec(
      "INSERT INTO entries (text) VALUES ('d'); UPDATE entries SET text = 'B' WHERE text = 'b'; DELETE FROM entries WHERE text = 'a'",
    )
    database.close()
    writeFileSync(join(live, 'uploads', 'two.txt'), 'two')
    const lost = await run({ task: 'changed-since', repository, parts, stores })
    assert.deepEqual(lost.value, { rows: 3, items: { 'data/entries': 2, 'uploads/.': 1 }, precision: 'exact' })
  })

  test('judges expectations, and says what it found', async () => {
    const expect = [
      { sql: 'select count(*) from entries', 'at-least': 1 },
      { sql: 'select count(*) from entries', 'at-most': 1 },
      { files: '*.txt', equals: 2 },
      { sql: 'select nothing' },
    ]
    const { value } = await run({ task: 'expect', stores, expect })
    assert.deepEqual(
      value?.results.map(result => result.passed),
      [true, false, true, false],
    )
    assert.equal(value?.results[1]?.text, 'select count(*) from entries: 3, expected at most 1')
  })

  test('verifies stored bytes without the key', async () => {
    const manifest = await target.repository.get(nameOf('s1'))
    const { value } = await run({ task: 'verify', repository: { ...repository, identityFile: undefined }, manifest })
    assert.equal(value?.objects, 2)
  })

  test('fails with the error, its exit code and no half result', async () => {
    const missing = stores.map(at => ({ ...at, folder: join(base, 'nowhere') }))
    const { code, error } = await run({ task: 'snapshot.take', operation: 'op9', repository, stores: missing })
    assert.equal(error?.code, 'NOT_FOUND')
    assert.equal(code, 3)
    await target.repository.abandon('op9')
  })

  test('does not do again what was answered already', async () => {
    const body = { task: 'fingerprint' as const, stores }
    const first = await run(body, 'twice')
    writeFileSync(join(live, 'uploads', 'three.txt'), 'three')
    assert.deepEqual(await run(body, 'twice'), first)
  })

  test('starts cleanly over what a killed one left in the transaction', async () => {
    await target.repository.begin('op2')
    await target.repository.sink('op2').write(
      'tar',
      (async function* () {
        yield Buffer.from('half')
      })(),
    )
    const taken = await run({ task: 'snapshot.take', operation: 'op2', repository, stores })
    assert.equal(taken.code, 0)
    await target.repository.commit('op2', manifestOf('s2', taken.value?.parts ?? []))
    assert.deepEqual(await target.repository.pending(), [])
    assert.deepEqual(await target.repository.forget([nameOf('none')]), { freedBytes: 0 })
  })

  test('[pain 17] a database that was emptied is no successful backup', async () => {
    writeFileSync(join(live, 'data', 'app.db'), '')
    const previous = await target.repository.get(nameOf('s2'))
    const { error } = await run({ task: 'snapshot.take', operation: 'op3', repository, stores, previous })
    assert.equal(error?.code, 'REFUSED')
    await target.repository.abandon('op3')
  })

  test('a file that is no task is refused', async () => {
    writeFileSync(join(base, 'no-task.json'), '{"task":"dance"}')
    const child = spawn(process.execPath, [program, join(base, 'no-task.json')], { stdio: 'ignore' })
    const [code] = await once(child, 'close')
    assert.equal(code, 2)
  })
})
