import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { asOtherUser, asRoot } from '../../test/helpers/other-user.ts'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import { removeTree } from './remove-tree.ts'

describe('removing a folder of our own', () => {
  const base = temporaryFolder()
  chmodSync(base, 0o777)

  test('what is not there is removed already, and a file is removed like a folder', async () => {
    await removeTree(join(base, 'nothing'))
    writeFileSync(join(base, 'file'), '')
    await removeTree(join(base, 'file'))
    assert.ok(!existsSync(join(base, 'file')))
  })

  test('where something is mounted in it, it is said where and what to do, and what is mounted stays', () => {
    const tree = join(base, 'mounted')
    const [outside, place] = [join(tree, 'outside'), join(tree, 'live', 'place')]
    for (const folder of [outside, place]) mkdirSync(folder, { recursive: true })
    writeFileSync(join(outside, 'kept'), '')
    const script = `import { removeTree } from ${JSON.stringify(import.meta.resolve('./remove-tree.ts'))}
      await removeTree(process.argv[1]).catch(({ code, hint }) => console.log(code, hint))`
    const { stdout } = spawnSync(
      'unshare',
      [
        ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
        '--mount',
        'sh',
        '-ec',
        'mount --bind "$0" "$1"; shift; exec "$@"',
      ].concat([outside, place, process.execPath, '--input-type=module', '-e', script, join(tree, 'live')]),
      { encoding: 'utf8' },
    )
    assert.equal(stdout, `REFUSED \`umount ${place}\`, then try again.\n`)
    assert.deepEqual(readdirSync(outside), ['kept'])
  })

  test('whatever the modes in it: it is gone, and what links in it lead to is untouched', asRoot, () =>
    asOtherUser(async () => {
      const outside = join(base, 'outside')
      mkdirSync(outside)
      writeFileSync(join(outside, 'kept'), '')
      chmodSync(outside, 0o500)
      const tree = join(base, 'tree')
      for (const folder of ['read-only/deep', 'closed/in', 'blind']) {
        mkdirSync(join(tree, folder), { recursive: true })
        writeFileSync(join(tree, folder, 'file'), '', { mode: 0 })
      }
      const odd = Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe])])
      mkdirSync(odd)
      writeFileSync(Buffer.concat([odd, Buffer.from('/file')]), '')
      symlinkSync(outside, join(tree, 'read-only', 'link'))
      chmodSync(odd, 0)
      for (const folder of ['read-only/deep', 'read-only']) chmodSync(join(tree, folder), 0o555)
      for (const folder of ['closed/in', 'closed']) chmodSync(join(tree, folder), 0)
      chmodSync(join(tree, 'blind'), 0o300)
      await removeTree(tree)
      assert.ok(!existsSync(tree))
      assert.deepEqual(readdirSync(outside), ['kept'])
      assert.equal(statSync(outside).mode & 0o777, 0o500)
    }),
  )

  test('also beside much else, of which the removal that failed goes on to remove some', asRoot, () =>
    asOtherUser(async () => {
      for (let round = 0; round < 50; round++) {
        const tree = join(base, 'wide')
        for (const folder of ['read-only', 'a/x/y', 'b/x/y', 'c/x/y', 'd/x/y']) {
          mkdirSync(join(tree, folder), { recursive: true })
          writeFileSync(join(tree, folder, 'file'), '')
        }
        chmodSync(join(tree, 'read-only'), 0o555)
        await removeTree(tree)
        assert.ok(!existsSync(tree))
      }
    }),
  )

  test('what belongs to somebody else stays, and the error names it', asRoot, async () => {
    const tree = join(base, 'mixed')
    mkdirSync(join(tree, 'foreign'), { recursive: true })
    writeFileSync(join(tree, 'foreign', 'file'), '')
    chmodSync(tree, 0o777)
    await asOtherUser(() => assert.rejects(removeTree(tree), { code: 'EACCES', path: join(tree, 'foreign', 'file') }))
    assert.ok(existsSync(join(tree, 'foreign', 'file')))
  })
})
