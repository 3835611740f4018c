import assert from 'node:assert/strict'
import { test } from 'node:test'
import { terminalArgv } from './terminal.ts'

test('a command at a terminal is one line for script, in which every word is what it was', () => {
  const terminal = { file: "/tmp/it's/terminal", type: 'xterm-256color', colours: 'truecolor', columns: 100, rows: 30 }
  assert.deepEqual(terminalArgv(['echo', "it's $HOME", ''], terminal), [
    'script',
    '--quiet',
    '--return',
    '--flush',
    '--command',
    String.raw`tty >'/tmp/it'\''s/terminal'; stty sane columns 100 rows 30; export TERM='xterm-256color' COLORTERM='truecolor'; exec 'echo' 'it'\''s $HOME' ''`,
    '/dev/null',
  ])
})
