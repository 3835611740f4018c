import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { parseMounts } from './mounts.ts'
import { wallsOf } from './sandbox-walls.ts'

const machine = {
  home: '/home/ann',
  programs: '/opt/node',
  sockets: ['/var/lib/db/db.sock'],
  mounts: parseMounts('1 0 8:1 / / rw - ext4 x rw'),
}

test('what is hidden comes before what is shown below it, and once', () => {
  const view = { hide: ['/f', '/f/backups', '/data/shop'], write: ['/f/scratch/op1'], copy: ['/f/artifacts'] }
  assert.deepEqual(wallsOf(view, machine), [
    ['may-copy', '/home/ann'],
    ['hide', '/run'],
    ['hide', '/f'],
    ['hide', '/data/shop'],
    ['hide', '/var/lib/db/db.sock'],
    ['write', '/f/scratch/op1'],
    ['copy', '/f/artifacts'],
  ])
})

test('of a link what it leads to is hidden', () => {
  const base = temporaryFolder()
  mkdirSync(join(base, 'real'))
  symlinkSync('real', join(base, 'link'))
  const hidden = wallsOf({ hide: [join(base, 'link')], write: [], copy: [] }, machine).filter(([how]) => how === 'hide')
  assert.ok(hidden.some(([, path]) => path === join(base, 'real')))
})

test('the programs that run an app are shown where a folder of the sandbox or a hidden one covers them', () => {
  const view = { hide: ['/home/ann/.fettle'], write: [], copy: [] }
  for (const programs of ['/tmp/node', '/home/ann/.fettle/node'])
    assert.ok(
      wallsOf(view, { ...machine, programs }).some(([how, path]) => how === 'show' && path === programs),
      programs,
    )
  assert.ok(!wallsOf(view, { ...machine, programs: '/tmpfoo' }).some(([how]) => how === 'show'))
})

test('what is seen by another path too is hidden there as well, but where a folder of the sandbox covers it', () => {
  const mounts = parseMounts('1 0 8:1 / / rw\n2 1 8:1 /f /mnt/again rw\n3 1 8:1 /f/live /tmp/live rw')
  const walls = wallsOf({ hide: ['/f'], write: [], copy: [] }, { ...machine, mounts })
  assert.deepEqual(
    walls.filter(([how]) => how === 'hide').map(([, path]) => path),
    ['/run', '/f', '/mnt/again', '/var/lib/db/db.sock'],
  )
})
