import assert from 'node:assert/strict'
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import { makeFolder } from './files.ts'

test('a folder is made with those above it, also by a link, and again', async () => {
  const base = temporaryFolder()
  mkdirSync(join(base, 'real'))
  symlinkSync('real', join(base, 'link'))
  for (const path of [join(base, 'link/a/b/c'), join(base, 'link'), base]) for (const _ of [1, 2]) await makeFolder(path, 0o700)
  assert.equal(statSync(join(base, 'real/a/b')).mode & 0o777, 0o700)
})

test('where none can be made that is said, and not tried for ever', { timeout: 10_000 }, async () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  await assert.rejects(makeFolder('/proc/x/y'), { code: 'ENOENT' })
  await assert.rejects(makeFolder(file), { code: 'EEXIST' })
  await assert.rejects(makeFolder(join(file, 'below')), { code: 'ENOTDIR' })
})
