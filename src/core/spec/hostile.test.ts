/** Files that are made to cost time or memory: each ends early, at a place. The limits make it so; no time is asserted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemLines, refusal } from '../../../test/helpers/spec-problems.ts'

const firstProblem = (text: string): string => problemLines(text)[0] ?? ''
const TOO_MANY_PARTS = 'the file has more parts than any description of an app needs; reading stopped here'
const nested = (open: string, close: string): string => `app: a\nx: ${open.repeat(60)}${close.repeat(60)}`
const laughs = ['a: &a [x, x, x, x, x, x, x, x, x]', ...[...'bcdefghi'].map((name, index) => laugh(name, 'abcdefgh'[index] ?? ''))]
function laugh(name: string, of: string): string {
  return `${name}: &${name} [${Array(9).fill(`*${of}`).join(', ')}]`
}

const FILES: [title: string, text: string, expected: string][] = [
  ['ten megabytes', 'x'.repeat(10 * 1024 ** 2), '1:1: the file is larger than 1 MiB (10.0 MiB) and was not read'],
  [
    'a billion laughs',
    ['app: a', ...laughs].join('\n'),
    '6:8: more than 10000 values (aliases counted as often as they stand); reading stopped here',
  ],
  ['an alias of what it stands in', 'app: a\nx: &a [*a]', '2:8: no anchor &a stands before this alias'],
  ['a megabyte of brackets', '['.repeat(1e6), '1:41: nested more than 40 levels deep'],
  ['a megabyte of commas', `[${','.repeat(1e6)}`, `1:60000: ${TOO_MANY_PARTS}`],
  ['half a million list items in one line', '- '.repeat(500_000), '1:80: nested more than 40 levels deep'],
  ['lists in lists', nested('[', ']'), '2:43: nested more than 40 levels deep'],
  ['maps in maps', nested('{ a: ', '}'), '2:195: nested more than 40 levels deep'],
  [
    'a thousand levels of indentation',
    Array.from({ length: 1300 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'),
    '40:41: nested more than 40 levels deep',
  ],
  ['tens of thousands of keys', Array.from({ length: 70_000 }, (_, index) => `k${index}: 1`).join('\n'), `8572:6: ${TOO_MANY_PARTS}`],
  ['a quarter of a million documents', '---\n'.repeat(250_000), '2:1: a second YAML document begins here; the file holds one'],
  [
    'a thousand overlays over a large file',
    `app: a\nservices:\n${Array.from({ length: 200 }, (_, index) => `  k${index}: { run: x }`).join('\n')}\nenvironments: { ${Array.from({ length: 1000 }, (_, index) => `e${index}: {}`).join(', ')} }`,
    '203:1: too many environments for a file of this size',
  ],
  [
    'a value of unclosed references',
    `app: a\nservices: { w: { run: x, env: { A: "${'${'.repeat(300_000)}" } } }`,
    '2:37: ${$: a reference begins here and is not closed; a plain ${ is written $${',
  ],
]
for (const [title, text, expected] of FILES)
  test(`${title}: refused at its place`, () => {
    assert.equal(firstProblem(text), expected)
  })

test('of thousands of misspelt names only those that are told are compared with all others', () => {
  const { more, problems } = refusal(
    `app: a\nservices:\n${Array.from({ length: 4900 }, (_, index) => `  s${index}: {}`).join('\n')}`,
  ).context
  assert.deepEqual([problems.length, more, problems[0]?.nearest], [100, 4800, 's1'])
})

test('where reading stops is where the text shows it', () => {
  const message = refusal(Array.from({ length: 9000 }, (_, index) => `k${index}: 1`).join('\n')).message.split('\n')
  assert.deepEqual(message.slice(1), [' 8572 | k8571: 1', '      |      ^'])
})

test('a key of a megabyte is named by its beginning', () => {
  const message = firstProblem(`app: a\n? ${'k'.repeat(900_000)}\n: 1`)
  assert.match(message, /^2:3: unknown key "k{60}…"; known here: fettle, app/)
})

test('keys that are names of every object mean nothing special', () => {
  for (const key of ['constructor', 'toString'])
    assert.match(firstProblem(`app: a\n${key}: { polluted: true }`), new RegExp(`^2:1: unknown key "${key}"`))
  const own = 'expected another name: this one is part of every object in JavaScript'
  assert.equal(firstProblem('app: constructor'), `1:6: ${own}; found constructor`)
  assert.equal(firstProblem('app: a\nservices: { constructor: { run: x } }'), `2:13: ${own}; found constructor`)
  assert.equal(firstProblem('app: a\nenvironments: { constructor: {} }'), `2:17: ${own}`)
  assert.equal(firstProblem('app: a\nservices: { web: { run: x, env: { toString: x } } }'), `2:35: ${own}; found toString`)
  assert.equal(firstProblem('app: a\nsecrets: { hasOwnProperty: }'), `2:12: ${own}; found hasOwnProperty`)
  assert.equal(firstProblem('app: a\nsecrets: [valueOf]'), `2:11: ${own}; found valueOf`)
})

test('the one name that a plain object loses is refused wherever a name may stand', () => {
  for (const section of ['x-any', 'services', 'stores', 'secrets', 'environments'])
    assert.match(firstProblem(`app: a\n${section}: { __proto__: { polluted: true } }`), /^2:\d+: the key "__proto__" can name nothing/)
  assert.match(firstProblem('app: a\n__proto__: 1'), /^2:1: the key "__proto__"/)
  assert.match(firstProblem('app: a\nservices: { web: { run: x, env: { __proto__: x } } }'), /^2:35: the key "__proto__"/)
  assert.match(firstProblem('app: a\nsecrets: [__proto__]'), /^2:11: expected another name.*; found __proto__$/)
  assert.equal('polluted' in {}, false)
})
