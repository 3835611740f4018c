import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FettleError } from './errors.ts'
import { hideInError, hideInOutput, hidingReplacer } from './free-text.ts'
import { Secret } from './secret.ts'

/** What hides a secret that looks like fettle's own words. */
const hide = (text: string): string => text.replaceAll(/state|production|1795|shop|op12/g, '•')

test('of an error, what people read is hidden, and what programs go by is not', () => {
  const error = new FettleError('BUSY', 'shop is busy since 1795', {
    hint: 'fettle status production',
    context: { operation: 'op12', app: 'shop', lines: ['state of shop'], count: 1795, held: { by: 'shop' }, key: new Secret('x') },
  })
  assert.deepEqual(hideInError(error.toJSON(), hide), {
    code: 'BUSY',
    message: '• is busy since •',
    hint: 'fettle status •',
    context: { operation: 'op12', app: 'shop', lines: ['• of •'], count: 1795, held: { by: '•' }, key: '••••' },
    retryable: true,
  })
})

test('what a step puts out keeps the folders that later steps work with, also of a store that is called like a text', () => {
  const output = { why: 'shop said 1795', folders: { text: '/home/shop/live' }, release: 'op12', rows: 1795 }
  assert.deepEqual(hideInOutput(output, hide), { ...output, why: '• said •' })
})

test('what names an app is hidden as a text about that app', () => {
  const tell = (text: string, app?: string): string => `${text} of ${app}`
  const answer = {
    message: 'all',
    operations: [{ plan: { app: 'shop', lines: [{ text: 'a' }] }, error: { message: 'b', context: { said: 'c' } } }],
    lines: [{ labels: { app: 'wiki' }, text: 'd' }],
    errors: [{ message: 'e', context: { app: 'blog' } }],
  }
  assert.deepEqual(JSON.parse(JSON.stringify(answer, hidingReplacer(tell))), {
    message: 'all of undefined',
    operations: [
      { plan: { app: 'shop', lines: [{ text: 'a of shop' }] }, error: { message: 'b of shop', context: { said: 'c of shop' } } },
    ],
    lines: [{ labels: { app: 'wiki' }, text: 'd of wiki' }],
    errors: [{ message: 'e of blog', context: { app: 'blog' } }],
  })
})

test('an answer keeps its keys, numbers, names and states', () => {
  const answer = {
    environments: [{ app: 'shop', environment: 'production', state: 'state', startedAt: 1795 }],
    lines: [{ text: 'a state', cursor: 'shop:1795', argv: ['echo', 'shop'] }],
    context: { said: 'state' },
  }
  assert.deepEqual(JSON.parse(JSON.stringify(answer, hidingReplacer(hide))), {
    environments: [{ app: 'shop', environment: 'production', state: 'state', startedAt: 1795 }],
    lines: [{ text: 'a •', cursor: 'shop:1795', argv: ['echo', '•'] }],
    context: { said: '•' },
  })
})

test('what a step of a plan is given is hidden, but for its identifiers', () => {
  const plan = {
    app: 'wiki',
    steps: [
      {
        id: 'build',
        kind: 'release.build@1',
        title: 'state',
        input: { release: 'op12', build: ['make state'], web: { run: 'serve 1795' } },
      },
    ],
  }
  const shown = JSON.parse(JSON.stringify({ plan }, hidingReplacer(hide)))
  assert.deepEqual(shown.plan.steps[0], {
    id: 'build',
    kind: 'release.build@1',
    title: '•',
    input: { release: 'op12', build: ['make •'], web: { run: 'serve •' } },
  })
})
