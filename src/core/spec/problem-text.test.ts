import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Finding, toProblems } from './problem.ts'
import { renderProblems } from './problem-text.ts'

const render = (source: string, ...findings: Finding[]) => renderProblems(toProblems(findings, source, 'f.yaml').problems, source)
/** A finding on the first place where the text stands. */
const on = (source: string, text: string): Finding => ({
  at: { start: source.indexOf(text), end: source.indexOf(text) + text.length },
  message: 'wrong',
})

test('the carets stand under what is meant, tabs before it kept', () => {
  const source = 'a: 1\r\nkey:\t"värde" # note\r\n'
  assert.equal(render(source, on(source, '"värde"')), 'f.yaml:2:6: wrong\n    2 | key:\t"värde" # note\n      |     \t^^^^^^^')
})

test('of a value over many lines the first is marked', () => {
  const source = 'a: |\n  one\n  two\n'
  assert.equal(render(source, on(source, 'one\n  two')), 'f.yaml:2:3: wrong\n    2 |   one\n      |   ^^^')
})

test('of a long line the part around the place is shown', () => {
  const source = `key: ${'x'.repeat(500)}HERE${'y'.repeat(500)}`
  const [head, excerpt = '', carets = ''] = render(source, on(source, 'HERE')).split('\n')
  assert.equal(head, 'f.yaml:1:506: wrong')
  assert.ok(excerpt.length <= 108)
  assert.equal(excerpt.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1), 'HERE')
})

test('what is missing at the end of the file has a place and no excerpt', () => {
  assert.equal(render('a: 1\n', { at: { start: 5, end: 5 }, message: 'more' }), 'f.yaml:2:1: more')
})

test('line numbers of any length keep the columns', () => {
  const source = `${'\n'.repeat(123_455)}bad`
  assert.equal(render(source, on(source, 'bad')), 'f.yaml:123456:1: wrong\n123456 | bad\n       | ^^^')
})

test('problems are sorted by place, and each is told once', () => {
  const source = 'a\nb\n'
  const { problems: found } = toProblems([on(source, 'b'), on(source, 'a'), on(source, 'b')], source, 'f')
  assert.deepEqual(
    found.map(({ line, column, text }) => [line, column, text]),
    [
      [1, 1, 'a'],
      [2, 1, 'b'],
    ],
  )
})
