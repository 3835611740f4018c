import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimsIn, parseRequirements, renderPage, unprovenIds } from './requirements.ts'

const requirements = parseRequirements('# one: first\na1-01\tserved\na1-02\tkept | always\n')

test('a title claims every id that it carries', () => {
  const source = "test('[a1-01] [a1-02] it is served', () => {})\nawait t.test(`[a1-02] it isn't lost`, async () => {})"
  assert.deepEqual(claimsIn('x.test.ts', source), [
    { file: 'x.test.ts', title: '[a1-01] [a1-02] it is served', ids: ['a1-01', 'a1-02'] },
    { file: 'x.test.ts', title: "[a1-02] it isn't lost", ids: ['a1-02'] },
  ])
})

test('skipped tests, tests to do, comments and other strings claim nothing', () => {
  const source = "test.skip('[a1-01] a', f)\nit.todo('[a1-01] b')\n// [a1-01]\nconst id = '[a1-01]'\ntest('no id', f)"
  assert.deepEqual(claimsIn('x.test.ts', source), [])
})

test('the page says shown only where a title carries the id', () => {
  const page = renderPage({ requirements, claims: [{ file: 'x.test.ts', title: '[a1-01] it is served', ids: ['a1-01'] }] })
  assert.match(page, /1 of 2 are shown/)
  assert.match(page, /\| a1-01 \| served \|.*it is served \(\[x\.test\.ts\]\(\.\.\/x\.test\.ts\)\) \| shown \|/)
  assert.match(page, /\| a1-02 \| kept \\\| always \|.*\| not yet \|/)
})

test('an id is proven by a test that passed, or by one inside a suite that carries it, and not by its title alone', () => {
  const claims = claimsIn('x.test.ts', "test('[a1-01] a', f)\ndescribe('[a1-02] b', f)\ntest('[a1-03] c', f)")
  assert.deepEqual(unprovenIds(claims, ['[a1-01] a', '[a1-02] b > holds']), ['a1-03'])
})
