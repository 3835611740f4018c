import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wallsOf } from './sandbox-walls.ts'

const machine = { home: '/home/ann', programs: '/opt/node', sockets: ['/var/lib/db/db.sock'] }

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

test('the programs that run an app are shown where a folder of the sandbox or a hidden one covers them', () => {
  const view = { hide: ['/home/ann/.fettle'], write: [], copy: [] }
  for (const programs of ['/tmp/node', '/home/ann/.fettle/node'])
    assert.ok(
      wallsOf(view, { ...machine, programs }).some(([how, path]) => how === 'show' && path === programs),
      programs,
    )
  assert.ok(!wallsOf(view, { ...machine, programs: '/tmpfoo' }).some(([how]) => how === 'show'))
})
