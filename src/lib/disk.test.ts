import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freeBytes, requireSpace, treeSize } from './disk.ts'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-disk-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

test('the size of a folder is what du says, links counted once', async t => {
  const folder = await temporaryFolder(t)
  mkdirSync(join(folder, 'a'))
  writeFileSync(join(folder, 'a', 'file'), 'x'.repeat(100_000))
  linkSync(join(folder, 'a', 'file'), join(folder, 'again'))
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff])]), 'x'.repeat(5000))
  const du = execFileSync('du', ['-s', '--block-size=1', folder]).toString()
  assert.equal(await treeSize(folder), Number.parseInt(du, 10))
  assert.equal(await treeSize(join(folder, 'nothing')), 0)
  symlinkSync(join(folder, 'a'), join(folder, 'link'))
  assert.equal(await treeSize(join(folder, 'link')), await treeSize(join(folder, 'a')))
})

test('free space is that of the nearest folder that exists', async t => {
  const folder = await temporaryFolder(t)
  assert.ok((await freeBytes(join(folder, 'not', 'yet'))) > 0)
})

test('more than is free is refused with the place and both sizes', async t => {
  const folder = await temporaryFolder(t)
  await requireSpace(folder, 0, 'nothing')
  await assert.rejects(requireSpace(folder, 2 ** 60, 'a copy'), {
    code: 'DISK_FULL',
    message: new RegExp(`^a copy needs 1024 PiB, and ${folder} has \\d.* free$`),
  })
})
