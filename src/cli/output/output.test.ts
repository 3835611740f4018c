import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { BEGAN, deployPlan, failedEvents, operationRecord } from '../../../test/helpers/fake-operation.ts'
import { screenOf } from '../../../test/helpers/screen-of.ts'
import type { OutputStream } from '../io.ts'
import { advance, createProgress } from './progress.ts'
import { Screen } from './screen.ts'
import { createStyle, isUnicode, toAscii } from './style.ts'
import { summaryLines } from './summary.ts'
import { type Column, table } from './table.ts'
import { formatAge } from './time.ts'
import { treeLines } from './tree.ts'
import { printable, truncate, widthOf, wrap, wrapLine } from './width.ts'

const plain = createStyle(false, true)

describe('width', () => {
  it('counts columns, not characters', () => {
    const cases: [string, number][] = [
      ['abc', 3],
      ['漢字', 4],
      ['e\u0301', 1],
      ['👩‍👩‍👧', 2],
      ['\u001b[31mred\u001b[39m', 3],
      ['│·…', 3],
      ['ｆ', 2],
      ['한', 2],
    ]
    for (const [text, width] of cases) assert.equal(widthOf(text), width, text)
  })

  it('cuts to columns and never splits a character or leaves a colour on', () => {
    assert.equal(truncate('abcdef', 4), 'abc…')
    assert.equal(truncate('漢字漢字', 4), '漢…')
    assert.equal(truncate('\u001b[31mabcdef\u001b[39m', 3), '\u001b[31mab…\u001b[0m')
    assert.equal(truncate('abc', 3), 'abc')
  })

  it('breaks between words, and leaves a word whole that is wider than the line', () => {
    assert.deepEqual(wrap('one two three', 7), ['one two', 'three'])
    assert.deepEqual(wrap('a considerable word', 6), ['a', 'considerable', 'word'])
    assert.deepEqual(wrap('', 6), [''])
  })

  it('takes from the text of others what would move the cursor', () => {
    assert.equal(printable('a\u001b[2Jb\u001b]0;title\u0007c\u0008d\te'), 'abcd  e')
    assert.equal(printable('10 %\r100 %\nnext'), '100 %\nnext')
  })
})

describe('style', () => {
  it('knows from the locale whether the terminal has more than ASCII', () => {
    assert.equal(isUnicode({ LANG: 'de_DE.UTF-8' }), true)
    assert.equal(isUnicode({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }), false)
    assert.equal(isUnicode({ LC_CTYPE: 'C.utf8', LANG: 'C' }), true)
  })

  it('puts one character for one, so that columns stay', () => {
    const text = '✓ ── 100 % ███░ │ → … ⚠ ⠹'
    assert.equal(toAscii(text).length, text.length)
    assert.doesNotMatch(toAscii(text), /\P{ASCII}/u)
  })
})

it('a table is aligned by columns and leaves out what is empty everywhere', () => {
  const rows = [
    { name: '漢', count: '7' },
    { name: 'web', count: '1,000' },
  ]
  const columns = [
    { title: 'NAME', value: (row: (typeof rows)[0]) => row.name },
    { title: 'NOTE', value: () => '' },
    { title: 'COUNT', value: (row: (typeof rows)[0]) => row.count, right: true },
  ]
  assert.deepEqual(table(rows, columns, plain), ['NAME  COUNT', '漢        7', 'web   1,000'])
})

it('a table that has no room cuts the one text that may be cut, as long as enough of it is left', () => {
  const rows = [
    { name: 'op1', why: 'the port 8080 is taken by somebody who does not let go of it' },
    { name: 'op2', why: '' },
  ]
  const columns: Column<(typeof rows)[0]>[] = [
    { title: 'ID', value: row => row.name },
    { title: 'WHY', value: row => row.why, isCut: true },
  ]
  assert.deepEqual(table(rows, columns, { ...plain, columns: 30 }), ['ID   WHY', 'op1  the port 8080 is taken b…', 'op2'])
  assert.equal(table(rows, columns, { ...plain, columns: 20 })[1], '  why  the port 8080 is taken by somebody who does not let go of it')
})

it('a table that has no room is a block of lines for each row', () => {
  const rows = [{ name: 'web.0', state: 'ready', path: '/var/lib/fettle/live' }]
  const columns = [
    { title: 'SERVICE', value: (row: (typeof rows)[0]) => row.name },
    { title: 'STATE', value: (row: (typeof rows)[0]) => row.state },
    { title: 'LAST END', value: () => '' },
    { title: 'PATH', value: (row: (typeof rows)[0]) => row.path },
  ]
  const blocks = table([...rows, ...rows], columns, createStyle(false, true, 30))
  assert.deepEqual(blocks.slice(0, 4), ['web.0', '  state  ready', '  path   /var/lib/fettle/live', 'web.0'])
})

it('a line that has no room is broken between words, and a command in it never', () => {
  assert.deepEqual(wrapLine('● guestbook/production  up · r1, deployed 17 s ago', 40), [
    '● guestbook/production  up · r1,',
    '  deployed 17 s ago',
  ])
  assert.deepEqual(wrapLine('⚠ it would not return → `fettle agent enable`', 40), ['⚠ it would not return →', '  `fettle agent enable`'])
  assert.deepEqual(wrapLine('short', 40), ['short'])
  assert.deepEqual(wrapLine(`  ${'x'.repeat(50)}`, 40), [`  ${'x'.repeat(50)}`])
})

it('an age has one unit, and a clock that jumped shows none', () => {
  const ages = [500, 59_000, 61_000, 7_300_000, 3 * 86_400_000, -5000].map(ms => formatAge(1e12 - ms, 1e12))
  assert.deepEqual(ages, ['just now', '59 s ago', '1 min ago', '2 h ago', '3 days ago', 'just now'])
})

describe('the tree of steps', () => {
  it('shows what failed with its reason, what is undone, and what never began', () => {
    const progress = createProgress('op12', deployPlan(), BEGAN)
    for (const event of failedEvents()) advance(progress, event)
    assert.deepEqual(treeLines(progress, { now: BEGAN, columns: 80, rows: 20, tick: 0, style: plain }), [
      '  ✓ build: npm ci                  1 s',
      '  ✗ start 3 instances of web     0.5 s  undone',
      '  ── point of no return ──',
      '  ○ switch routes to r4',
      '  ○ drain and stop r3',
    ])
  })

  it('says what stays although it is undone, and breaks what a step waits for at the width there is', () => {
    const progress = createProgress('op12', deployPlan(), BEGAN)
    const at = { seq: 1, operation: 'op12', at: BEGAN, type: 'step', attempt: 1 } as const
    advance(progress, { ...at, step: 'build', state: 'undone', note: 'the data stays migrated' })
    advance(progress, {
      ...at,
      step: 'start',
      state: 'running',
      note: 'its end is waited for; `fettle operations cancel op12 --now` breaks it off',
    })
    assert.deepEqual(treeLines(progress, { now: BEGAN, columns: 60, rows: 20, tick: 0, style: plain }).slice(0, 5), [
      '  ↩ build: npm ci                       undone',
      '      the data stays migrated',
      '  ⠋ start 3 instances of web',
      '      its end is waited for; `fettle operations cancel op12',
      '      --now` breaks it off',
    ])
  })

  it('shows the time that runs, how far it is, the last line, and that nothing is heard', () => {
    const progress = createProgress('op12', deployPlan(), BEGAN)
    const at = { seq: 1, operation: 'op12', step: 'build' }
    advance(progress, { ...at, at: BEGAN, type: 'step', state: 'running', attempt: 2 })
    advance(progress, { ...at, at: BEGAN, type: 'progress', text: 'fetch', done: 5, total: 10 })
    advance(progress, { ...at, at: BEGAN, type: 'log', text: 'one\n\u001b[32mtwo\u001b[0m\n' })
    advance(progress, { ...at, at: BEGAN + 12_000, type: 'stuck', silentMs: 12_000 })
    const lines = treeLines(progress, { now: BEGAN + 20_000, columns: 80, rows: 20, tick: 1, style: plain })
    assert.deepEqual(lines.slice(0, 4), [
      '  ⠙ build: npm ci                 20 s  attempt 2',
      '      fetch ██████████░░░░░░░░░░  50 %',
      '      │ two',
      '      ⚠ nothing heard for 20 s',
    ])
  })

  it('draws no bar for a whole of one', () => {
    const progress = createProgress('op12', deployPlan(), BEGAN)
    const at = { seq: 1, operation: 'op12', step: 'build', at: BEGAN }
    advance(progress, { ...at, type: 'step', state: 'running', attempt: 1 })
    advance(progress, { ...at, type: 'progress', text: 'sleep 6', done: 0, total: 1 })
    assert.equal(treeLines(progress, { now: BEGAN, columns: 80, rows: 20, tick: 1, style: plain })[1], '      sleep 6')
  })
})

describe('the screen', () => {
  function terminal(columns: number, rows: number): { stream: OutputStream; text(): string } {
    const stream: PassThrough & OutputStream = new PassThrough()
    let text = ''
    stream.on('data', chunk => {
      text += String(chunk)
    })
    return { stream: Object.assign(stream, { isTTY: true, columns, rows }), text: () => text }
  }

  it('writes only lines that changed, and shows what was drawn last', () => {
    const { stream, text } = terminal(20, 8)
    const screen = new Screen(stream, true)
    screen.draw(['one', 'two', 'three'])
    const before = text().length
    screen.draw(['one', '2', 'three'])
    assert.ok(!text().slice(before).includes('one') && !text().slice(before).includes('three'))
    screen.draw(['one', '2'])
    screen.draw(['one', '2', 'a line that is much too long', 'four'])
    assert.deepEqual(screenOf(text(), 20, 8).slice(0, 5), ['one', '2', 'a line that is muc…', 'four', ''])
    const unchanged = text().length
    screen.draw(['one', '2', 'a line that is much too long', 'four'])
    assert.equal(text().length, unchanged)
  })

  it('takes over lines that others wrote below', () => {
    const { stream, text } = terminal(20, 8)
    const screen = new Screen(stream, true)
    screen.draw(['one'])
    stream.write('go on? yes\n')
    screen.grow('go on? yes')
    screen.draw(['1', 'two'])
    assert.deepEqual(screenOf(text(), 20, 8).slice(0, 3), ['1', 'two', ''])
  })

  it('scrolls nothing away that it can still reach, when there is more than fits at the end', () => {
    const { stream, text } = terminal(20, 4)
    const screen = new Screen(stream, true)
    screen.draw(['…', 'b', 'c'])
    screen.draw(['a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(screenOf(text(), 20, 4), ['c', 'd', 'e', ''])
  })
})

it('a restore ends with what it took; what a deploy told of its steps stands beside them alone', () => {
  const steps = [{ id: 'loss', state: 'done' as const, attempt: 1, adopted: false, note: '321 rows or files are gone' }]
  const end = (kind: 'restore' | 'deploy') => summaryLines(operationRecord(deployPlan({ kind }), 'done', { steps }), plain)
  assert.deepEqual(end('restore'), ['✓ restore op12 done · 4.2 s', '  321 rows or files are gone'])
  assert.deepEqual(end('deploy'), ['✓ deploy op12 done · 4.2 s'])
})
