import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { execute } from '../../src/lib/execute.ts'

const sweep = (...options: string[]) => execute(process.execPath, [join(import.meta.dirname, 'run.ts'), ...options])

test('a point that does not exist is told before anything is built, with the names that there are', async () => {
  const { code, stdout, stderr } = await sweep('--only', 'nosuch/point')
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^no point has a name that begins with nosuch\/point\n {2}There are deploy\/, rollback\/, /)
})

test('an option that does not exist is told with those that there are, and --help prints them', async () => {
  const { code, stderr } = await sweep('--nosuch')
  assert.equal(code, 2)
  assert.match(stderr, /'--nosuch'[\s\S]*^--only TEXT/m)
  assert.doesNotMatch(stderr, /^ +at /m)
  const help = await sweep('--help')
  assert.equal(help.code, 0)
  assert.match(help.stdout, /^--only TEXT/)
})
