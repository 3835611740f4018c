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

  test('what is mounted in it is named and untouched', asRoot, () => {
    const script = `
      import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
      import { execFileSync } from 'node:child_process'
      import { removeTree } from ${JSON.stringify(join(import.meta.dirname, 'remove-tree.ts'))}
      const [tree, outside] = ${JSON.stringify([join(base, 'with-mount'), join(base, 'elsewhere')])}
      for (const folder of [tree + '/in', outside]) mkdirSync(folder, { recursive: true })
      writeFileSync(outside + '/kept', '')
      execFileSync('mount', ['--bind', outside, tree + '/in'])
      const { code, message, hint } = await removeTree(tree).then(() => ({}), error => error)
      console.log(JSON.stringify({ code, message, hint, left: readdirSync(outside) }))`
    const { stdout, stderr } = spawnSync('unshare', ['--mount', process.execPath, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    const { code, message, hint, left } = JSON.parse(stdout || stderr)
    assert.deepEqual([code, left], ['CONFLICT', ['kept']])
    assert.match(message, /something is mounted on .*with-mount\/in/)
    assert.match(hint, /umount '.*with-mount\/in'/)
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
