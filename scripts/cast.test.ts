import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCast, runsOf } from './cast.ts'

test('a line is read as runs, each with its column and its styles', () => {
  assert.deepEqual(runsOf('a \u001b[32m✓\u001b[39m \u001b[2mdim \u001b[1mboth\u001b[22m end'), [
    { column: 0, text: 'a ', styles: [] },
    { column: 2, text: '✓', styles: ['green'] },
    { column: 3, text: ' ', styles: [] },
    { column: 4, text: 'dim ', styles: ['dim'] },
    { column: 8, text: 'both', styles: ['dim', 'bold'] },
    { column: 12, text: ' end', styles: [] },
  ])
})

test('a recording is read with its size, its title and the time of each line, up to the last that says something', () => {
  const text =
    '{"version":2,"width":60,"height":12,"title":"fettle demo"}\n[0.5,"o","one\\r\\n"]\n[1.25,"o","\\r\\n"]\n[2,"o","two\\r\\n"]\n[2.5,"o","\\r\\n"]\n'
  assert.deepEqual(readCast(text), {
    title: 'fettle demo',
    columns: 60,
    rows: 12,
    lines: [
      { seconds: 0.5, runs: [{ column: 0, text: 'one', styles: [] }] },
      { seconds: 1.25, runs: [] },
      { seconds: 2, runs: [{ column: 0, text: 'two', styles: [] }] },
    ],
  })
})
