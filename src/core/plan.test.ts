import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindInput, type Plan, type PlannedStep, planProblems } from './plan.ts'

const bindings = { operation: 'op7', outputs: new Map([['fetch', { digest: 'abc', sizes: { files: 3 } }]]) }

test('references in an input become what the named step put out, at any depth', () => {
  const input = {
    release: { $op: 'r3-' },
    folder: { $op: '/s/', suffix: '/data' },
    fetched: { $from: 'fetch', path: '' },
    list: [{ $from: 'fetch', path: 'sizes.files' }],
  }
  assert.deepEqual(bindInput(input, bindings), {
    release: 'r3-op7',
    folder: '/s/op7/data',
    fetched: { digest: 'abc', sizes: { files: 3 } },
    list: [3],
  })
})

test('a reference to nothing is an error, not an empty value', () => {
  assert.throws(() => bindInput({ key: { $from: 'fetch', path: 'nothing' } }, bindings), RangeError)
  assert.throws(() => bindInput({ key: { $from: 'nobody', path: '' } }, bindings), RangeError)
})

const step = (id: string, after: string[] = [], pivot?: true): PlannedStep => ({
  id,
  kind: 'k@1',
  title: id,
  input: {},
  after,
  ...(pivot === undefined ? {} : { pivot }),
})
const plan = (...steps: PlannedStep[]): Plan => ({
  format: 1,
  kind: 'deploy',
  app: 'a',
  environment: 'e',
  leases: [],
  basis: {},
  lines: [],
  steps,
})

test('what is wrong with the shape of a plan is said', () => {
  assert.deepEqual(planProblems(plan(step('a'), step('b', ['a'], true))), [])
  assert.deepEqual(planProblems(plan(step('a'), step('a'))), ['step a is there twice'])
  assert.deepEqual(planProblems(plan(step('a', ['b']), step('b'))), ['step a comes after b, which is not before it'])
  assert.deepEqual(planProblems(plan(step('a', [], true), step('b', [], true))), ['it has two pivots'])
})
