import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { it } from 'node:test'
import { shellArgv } from './shell-command.ts'

const said = (command: string): string => {
  const [shell = '', ...args] = shellArgv(command)
  return execFileSync(shell, args, { encoding: 'utf8', env: { ...process.env, WORD: 'hello' } }).trim()
}

it('runs what a shell would: assignments, its own words, lists, quotes', () => {
  assert.equal(said('printf %s "$WORD"'), 'hello')
  assert.equal(said('WORD=other printenv WORD'), 'other')
  assert.equal(said('exec printf %s $WORD'), 'hello')
  assert.equal(said('command printf %s one'), 'one')
  assert.equal(said('  eval printf %s one'), 'one')
  assert.equal(said('cd / && pwd'), '/')
  assert.equal(said("printf '%s' 'a b'"), 'a b')
})

it('lets one plain program take the place of the shell', () => {
  assert.deepEqual(shellArgv('node server.js --port $PORT'), ['/bin/sh', '-c', 'exec node server.js --port $PORT'])
})
