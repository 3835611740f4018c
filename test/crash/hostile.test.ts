import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertSound, openSite } from './scenario.ts'

const site = await openSite()
const source = join(site.folder, 'app')

test('a source with hostile file names is deployed as it is, and nothing in a name is carried out', async () => {
  const trap = join(site.folder, 'sprung')
  const names = [
    '-rf',
    '--',
    '$(touch sprung)',
    '`touch sprung`',
    '; touch sprung',
    'a\nb',
    'it\'s "quoted"',
    ' ',
    '*',
    '…',
    '.hidden',
    'x'.repeat(200),
  ]
  await mkdir(join(source, 'hostile'))
  for (const name of names) await writeFile(join(source, 'hostile', name), name)
  await writeFile(Buffer.concat([Buffer.from(join(source, 'hostile/')), Buffer.from([0xff, 0xfe])]), 'no utf-8')
  await symlink('*', join(source, 'hostile', 'link'))
  site.load.declared.add(await site.nextSource())
  await site.mustDo({ kind: 'deploy', file: site.file })
  const { artifact } = await site.release()
  const arrived = await readdir(join(site.paths.artifact('ledger', 'production', artifact.key), 'hostile'), { encoding: 'buffer' })
  const sent = await readdir(join(source, 'hostile'), { encoding: 'buffer' })
  assert.deepEqual(arrived.map(String).sort(), sent.map(String).sort())
  assert.equal(existsSync(trap), false)
  await assertSound(site)
  await rm(join(source, 'hostile'), { recursive: true })
})

for (const [what, target] of [
  ['an absolute path', '/etc/passwd'],
  ['a path above the source', '../../secret'],
] as const) {
  test(`a source with a link to ${what} is refused, and nothing is left of the attempt`, async () => {
    await site.nextSource()
    await symlink(target, join(source, 'out'))
    const refused = await site.client
      .call('start', { request: { kind: 'deploy', file: site.file } })
      .catch((error: { code: string }) => error)
    assert.equal('code' in refused && refused.code, 'REFUSED')
    await rm(join(source, 'out'))
    await assertSound(site)
  })
}
