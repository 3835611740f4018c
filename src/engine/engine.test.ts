import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import type { OperationRecord, Plan, PlannedStep } from '../core/plan.ts'
import { systemClock } from '../lib/clock.ts'
import { Engine, type EngineOptions } from './engine.ts'
import { Journal } from './journal.ts'
import { type StepKind, stepKind, stepKinds } from './step.ts'

/** A world of things that exist or not: what a step makes, its undo takes away. */
class Things {
  readonly present = new Set<string>()
  readonly made: string[] = []
  readonly failing = new Map<string, number>()
  crashed: (() => void) | undefined
}

let folder: string
let things: Things
const opened: { engine: Engine; journal: Journal }[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engine-'))
  things = new Things()
})
afterEach(async () => {
  for (const { engine, journal } of opened.splice(0)) {
    await engine.stop()
    journal.close()
  }
  rmSync(folder, { recursive: true })
})

const makeThing: StepKind<never, never> = stepKind({
  kind: 'thing.make@1',
  input: z.object({ name: z.string() }),
  cancel: 'now',
  silentForMs: 1000,
  observe: async ({ name }) => (things.present.has(name) ? { present: { name } } : 'absent'),
  async run({ name }) {
    const failures = things.failing.get(name) ?? 0
    if (failures > 0) {
      things.failing.set(name, failures - 1)
      throw new FettleError('COMMAND_FAILED', `${name} failed`)
    }
    things.made.push(name)
    things.present.add(name)
    return { name }
  },
  async undo({ name }) {
    things.present.delete(name)
  },
}) as never

const waitForAbort: StepKind<never, never> = stepKind({
  kind: 'abort.wait@1',
  input: z.object({}),
  cancel: 'now',
  silentForMs: 1000,
  observe: async () => 'absent',
  run: (_input, { signal }) =>
    new Promise<Record<string, string>>((_, reject) => {
      const stop = () => reject(new FettleError('CANCELLED', 'stopped waiting'))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      things.crashed?.()
    }),
  undo: 'nothing',
}) as never

function engineOn(overrides: Partial<EngineOptions> = {}): { engine: Engine; journal: Journal } {
  const journal = new Journal(join(folder, 'journal.db'), { firstNumber: 1 })
  const engine = new Engine({
    journal,
    kinds: stepKinds([makeThing, waitForAbort] as never),
    clock: systemClock,
    hide: text => text.replaceAll(/state|running|\d{4}|op1|one|a token/g, '••••'),
    fault: async () => {},
    followUps: async () => [],
    onError: error => assert.fail(String(error)),
    ...overrides,
  })
  opened.push({ engine, journal })
  return { engine, journal }
}

async function close(pair: { engine: Engine; journal: Journal }): Promise<void> {
  await pair.engine.stop()
  pair.journal.close()
  opened.splice(opened.indexOf(pair), 1)
}

const step = (id: string, more: Partial<PlannedStep> = {}): PlannedStep => ({
  id,
  kind: 'thing.make@1',
  title: `make ${id}`,
  input: { name: id },
  after: [],
  ...more,
})

const plan = (steps: PlannedStep[], more: Partial<Plan> = {}): Plan => ({
  format: 1,
  kind: 'deploy',
  app: 'a',
  environment: 'e',
  leases: ['a/e'],
  basis: {},
  lines: [],
  steps,
  ...more,
})

const end = (engine: Engine, record: OperationRecord) => engine.ended(record.id)

test('steps run in their order and outputs reach the inputs that name them', async () => {
  const { engine } = engineOn()
  const steps = [
    step('one'),
    step('two', { after: ['one'], input: { name: { $from: 'one', path: 'name' } } }),
    step('three', { after: ['two'], input: { name: { $op: 'x-' } } }),
  ]
  const record = await end(engine, engine.start(plan(steps)))
  assert.equal(record.state, 'done')
  assert.deepEqual([...things.present], ['one', 'x-op1'])
  assert.equal(record.steps[1]?.adopted, true)
})

test('a journal without room stops the work and not the operation, which goes on when there is room', async () => {
  const told: unknown[] = []
  const clock = { ...systemClock, sleep: async () => {} }
  const { engine, journal } = engineOn({ clock, onError: error => told.push(error) })
  const begun = engine.start(plan([step('one'), step('two', { after: ['one'], pivot: true }), step('three', { after: ['two'] })]))
  const transaction = journal.transaction.bind(journal)
  journal.transaction = work => {
    if (told.length === 0) throw new FettleError('DISK_FULL', 'no room')
    return transaction(work)
  }
  assert.equal((await end(engine, begun)).state, 'done')
  assert.deepEqual([...things.present], ['one', 'two', 'three'])
  assert.equal(told.length, 1)
})

test('a step that fails before the pivot takes everything back, in reverse', async () => {
  const { engine, journal } = engineOn()
  things.failing.set('three', 1)
  const record = await end(
    engine,
    engine.start(
      plan([
        step('one'),
        step('two', { after: ['one'] }),
        step('three', { after: ['two'] }),
        step('pivot', { after: ['three'], pivot: true }),
      ]),
    ),
  )
  assert.equal(record.state, 'undone')
  assert.equal(record.error?.message, 'three failed')
  assert.deepEqual([...things.present], [])
  const undone = journal.events(record.id, 0).flatMap(event => (event.type === 'step' && event.state === 'undone' ? [event.step] : []))
  assert.deepEqual(undone, ['three', 'two', 'one'])
})

test('a step that fails after the pivot is tried again until it is done', async () => {
  const { engine } = engineOn()
  things.failing.set('settle', 2)
  const record = await end(engine, engine.start(plan([step('pivot', { pivot: true }), step('settle', { after: ['pivot'] })])))
  assert.equal(record.state, 'done')
  assert.equal(record.steps[1]?.attempt, 3)
})

test('what can neither be finished nor undone is held, keeps its lease, and is resumed', async () => {
  const { engine } = engineOn()
  things.failing.set('settle', 4)
  const record = await end(engine, engine.start(plan([step('pivot', { pivot: true }), step('settle', { after: ['pivot'] })])))
  assert.equal(record.state, 'held')
  assert.throws(() => engine.start(plan([step('other')])), { code: 'BUSY' })
  assert.throws(() => engine.resume(record.id, 'back'), { code: 'REFUSED' })
  assert.equal((await end(engine, engine.resume(record.id, 'forward'))).state, 'done')
  assert.equal((await end(engine, engine.start(plan([step('other')])))).state, 'done')
})

test('two operations on one environment: the second is refused and names the first', async () => {
  const { engine } = engineOn()
  const first = engine.start(plan([step('wait', { kind: 'abort.wait@1' })]))
  assert.throws(
    () => engine.start(plan([step('other')])),
    (error: FettleError) => error.code === 'BUSY' && error.context?.operation === first.id,
  )
  engine.cancel(first.id)
  const ended = await end(engine, first)
  assert.equal(ended.state, 'undone')
  assert.equal(ended.error?.code, 'CANCELLED')
})

test('a cancel takes back what was done so far', async () => {
  const { engine } = engineOn()
  const waiting = new Promise<void>(resolve => {
    things.crashed = resolve
  })
  const record = engine.start(plan([step('one'), step('wait', { kind: 'abort.wait@1', after: ['one'] })]))
  await waiting
  assert.deepEqual([...things.present], ['one'])
  engine.cancel(record.id)
  assert.equal((await end(engine, record)).state, 'undone')
  assert.deepEqual([...things.present], [])
})

for (const point of ['before', 'after']) {
  test(`an agent that dies ${point} an effect leaves an operation that the next one finishes without doing it twice`, async () => {
    const never = new Promise<never>(() => {})
    const reached = new Promise<OperationRecord>(resolve => {
      const pair = engineOn({
        fault: (operation, name) => {
          if (name !== `two:${point}`) return Promise.resolve()
          resolve(operation)
          return never
        },
      })
      pair.engine.start(plan([step('one'), step('two', { after: ['one'] }), step('pivot', { after: ['two'], pivot: true })]))
    })
    const record = await reached
    // The dead agent's lock goes with its process; here its database is closed under it.
    const dead = opened.pop()
    void dead?.engine.stop()
    dead?.journal.close()
    const { engine } = engineOn()
    await engine.recover()
    const ended = await end(engine, record)
    assert.equal(ended.state, 'done')
    assert.deepEqual(things.made, ['one', 'two', 'pivot'])
    assert.equal(ended.steps[1]?.adopted, point === 'after')
  })
}

test('an agent that stops leaves the operation open for the next', async () => {
  const pair = engineOn()
  const waiting = new Promise<void>(resolve => {
    things.crashed = resolve
  })
  const record = pair.engine.start(plan([step('wait', { kind: 'abort.wait@1' })]))
  await waiting
  await close(pair)
  const { journal } = engineOn()
  assert.equal(journal.get(record.id).state, 'running')
})

test('a second agent on the same journal is refused while the first lives', async () => {
  engineOn()
  assert.throws(() => new Journal(join(folder, 'journal.db'), { firstNumber: 1 }), { code: 'BUSY' })
})

test('a journal of a newer format is refused', async () => {
  const pair = engineOn()
  await close(pair)
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(join(folder, 'journal.db'))
  db.exec('pragma user_version = 99')
  db.close()
  assert.throws(() => new Journal(join(folder, 'journal.db'), { firstNumber: 1 }), { code: 'VERSION' })
})

test('whoever follows gets every event once, from the beginning to the end', async () => {
  const { engine } = engineOn()
  const record = engine.start(plan([step('one'), step('two', { after: ['one'] })]))
  const seen: string[] = []
  for await (const event of engine.follow(record.id, 0, new AbortController().signal)) {
    if (event.type === 'step') seen.push(`${event.step} ${event.state}`)
    if (event.type === 'operation') seen.push(event.state)
  }
  assert.deepEqual(seen, ['running', 'one running', 'one done', 'two running', 'two done', 'done'])
})

test('a follow-up that the dead agent did not live to begin is begun by the next', async () => {
  const first = engineOn()
  const record = await end(first.engine, first.engine.start(plan([step('one')])))
  await close(first)
  const { engine, journal } = engineOn({
    followUps: async ended => (ended.plan.kind === 'deploy' ? [plan([step('bake')], { kind: 'bake', leases: [] })] : []),
  })
  await engine.recover()
  const [bake] = journal.list(1)
  assert.equal(bake?.plan.parent, record.id)
})

test('what an ended operation brings about has begun once it has settled, however long that takes to plan', async () => {
  const planned = Promise.withResolvers<void>()
  const { engine, journal } = engineOn({
    async followUps(ended) {
      if (ended.plan.kind !== 'deploy') return []
      await planned.promise
      return [plan([step('bake')], { kind: 'bake', leases: [] })]
    },
  })
  const record = engine.start(plan([step('one')]))
  for await (const event of engine.follow(record.id, 0, new AbortController().signal)) {
    if (event.type === 'operation' && event.state === 'done') break
  }
  const settled = engine.settled().then(() => journal.list(1)[0]?.plan.parent)
  planned.resolve()
  assert.equal(await settled, record.id)
})

test('what an ended operation brings about waits for the resources that another one has', async () => {
  const { engine, journal } = engineOn({
    kinds: stepKinds([waitForAbort] as never),
    followUps: async ended => (ended.plan.kind === 'deploy' ? [plan([], { kind: 'rollback', leases: ['shop/production'] })] : []),
  })
  const holder = engine.start(plan([step('wait', { kind: 'abort.wait@1' })], { kind: 'backup', leases: ['shop/production'] }))
  const ended = await end(engine, engine.start(plan([], { leases: [] })))
  assert.equal(journal.list(1)[0]?.id, ended.id, 'it has not begun')
  const begun = new Promise<void>(resolve => {
    engine.subscribe(({ operation }) => journal.get(operation).plan.parent === ended.id && resolve())
  })
  engine.cancel(holder.id)
  await begun
})

test('a step without a sign of life is called stuck, and goes on', async () => {
  const { engine, journal } = engineOn({ kinds: stepKinds([{ ...waitForAbort, silentForMs: 20 }] as never) })
  const record = engine.start(plan([step('wait', { kind: 'abort.wait@1' })]))
  for await (const event of engine.follow(record.id, 0, new AbortController().signal)) if (event.type === 'stuck') break
  assert.equal(journal.get(record.id).state, 'running')
  engine.cancel(record.id)
  await end(engine, record)
})

test('a secret that looks like a word, a number or a name of the journal breaks nothing, and what steps say of it is hidden', async () => {
  const talk = stepKind({
    kind: 'talk@1',
    input: z.object({ name: z.string() }),
    cancel: 'now',
    silentForMs: 1000,
    observe: async () => 'absent',
    async run({ name }, context) {
      context.log('log: a token')
      context.progress('progress: a token')
      if (name === 'two')
        throw new FettleError('COMMAND_FAILED', 'message: a token', { hint: 'hint: a token', context: { tail: 'a token' } })
      return { why: 'why: a token', folders: { text: 'state' } }
    },
    undo: 'nothing',
  })
  const { engine, journal } = engineOn({ kinds: stepKinds([talk] as never) })
  const record = engine.start(plan([step('one', { kind: 'talk@1' }), step('two', { kind: 'talk@1', after: ['one'] })]))
  const followed: unknown[] = []
  for await (const event of engine.follow(record.id, 0, new AbortController().signal)) followed.push(event)
  const ended = journal.get(record.id)
  assert.deepEqual([ended.id, ended.state, ended.steps[0]?.output], ['op1', 'undone', { why: 'why: ••••', folders: { text: 'state' } }])
  assert.deepEqual(ended.error, {
    code: 'COMMAND_FAILED',
    message: 'message: ••••',
    hint: 'hint: ••••',
    context: { tail: '••••' },
    retryable: false,
  })
  const told = JSON.stringify([followed, journal.events(record.id, 0), ended, engine.ended])
  assert.match(told, /"log: ••••".*"progress: ••••"/)
  assert.doesNotMatch(told, /a token/)
  assert.equal((await end(engine, engine.start(plan([step('three', { kind: 'talk@1' })])))).state, 'done', 'the lease is free')
})
