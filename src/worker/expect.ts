import type { StoreAt, TaskOf, TaskResult } from '../core/data-tasks.ts'
import { FettleError } from '../core/errors.ts'
import type { Expectation } from '../core/spec/expectation.ts'
import { openStore, type TaskWorld } from './world.ts'

type Value = string | number | null

/** Each expectation asked and judged; one that can not be asked has failed, and says why. */
export async function expect(world: TaskWorld, task: TaskOf<'expect'>): Promise<TaskResult<'expect'>> {
  const results: TaskResult<'expect'>['results'] = []
  for (const expectation of task.expect) {
    const subject = expectation.sql ?? expectation.files ?? ''
    world.progress.stage(`asking ${subject}`)
    try {
      const value = await ask(world, storeFor(expectation, task.stores), expectation, task.timeoutMs)
      results.push({ subject, passed: holds(expectation, value), text: `${subject}: ${value ?? 'null'}, expected ${wanted(expectation)}` })
    } catch (error) {
      if (!(error instanceof FettleError)) throw error
      results.push({ subject, passed: false, text: `${subject}: ${error.message}` })
    }
  }
  return { results }
}

/** The only store may go unnamed, or the only one that can be asked in this way. */
function storeFor({ store, sql }: Expectation, stores: StoreAt[]): StoreAt {
  const fitting = stores.filter(at => (store === undefined ? (at.driver === 'files') === (sql === undefined) : at.name === store))
  const [only] = fitting
  if (only !== undefined && fitting.length === 1) return only
  throw new FettleError(
    'SPEC_INVALID',
    store === undefined ? 'it names no store, and there are several or none' : `there is no store ${store}`,
  )
}

async function ask(world: TaskWorld, at: StoreAt, { sql, files }: Expectation, timeoutMs: number): Promise<Value> {
  const { store, config } = openStore(world, at)
  if (sql !== undefined && store.query !== undefined) return store.query(at.folder, config, sql, timeoutMs)
  if (files !== undefined && store.countFiles !== undefined) return store.countFiles(at.folder, config, files)
  throw new FettleError('UNSUPPORTED', `a ${at.driver} store answers no ${sql === undefined ? 'files' : 'sql'}`)
}

function holds(expectation: Expectation, value: Value): boolean {
  const { equals, 'at-least': least, 'at-most': most } = expectation
  if (equals !== undefined && String(value) !== String(equals)) return false
  if (least === undefined && most === undefined) return equals !== undefined || (value !== null && value !== 0)
  const number = value === null || value === '' ? Number.NaN : Number(value)
  return number >= (least ?? Number.NEGATIVE_INFINITY) && number <= (most ?? Number.POSITIVE_INFINITY)
}

function wanted({ equals, 'at-least': least, 'at-most': most }: Expectation): string {
  const parts = [
    ...(equals === undefined ? [] : [String(equals)]),
    ...(least === undefined ? [] : [`at least ${least}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
  ]
  return parts.length === 0 ? 'something' : parts.join(', ')
}
