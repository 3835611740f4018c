import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeHome } from './home-folder.ts'

test('a home is made with the folders above it, for this user alone, and is taken as it is the next time', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-home-'))
  t.after(() => rm(folder, { recursive: true }))
  const home = join(folder, 'deep', 'home')
  await makeHome(home)
  await makeHome(home)
  assert.equal((await stat(home)).mode & 0o777, 0o700)
})

test('a home that is a file, lies below one, or where no folder can be made, is refused at once with what to do', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-home-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'file')
  await writeFile(file, '')
  const refused: [home: string, why: string][] = [
    [file, `${file} is no folder`],
    [join(file, 'below'), `${file} is no folder`],
    [join('/proc', 'fettle', 'deep'), 'no folder can be made in /proc'],
  ]
  for (const [home, why] of refused)
    await assert.rejects(makeHome(home), {
      code: 'USAGE',
      message: `${home} can not be the home of fettle: ${why}`,
      hint: 'Choose another folder with --home or FETTLE_HOME.',
    })
})
