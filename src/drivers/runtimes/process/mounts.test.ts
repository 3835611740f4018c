import assert from 'node:assert/strict'
import { test } from 'node:test'
import { otherPaths, parseMounts } from './mounts.ts'

const MOUNTS = parseMounts(`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 254:16 / /data rw,relatime - ext4 /dev/vdb rw
29 27 254:16 /home /home rw,relatime - ext4 /dev/vdb rw
30 27 254:0 / /mnt/host\\040root rw,relatime - ext4 /dev/vda rw
31 27 254:16 /home/ann/fettle/live /srv/live rw,relatime - ext4 /dev/vdb rw
32 27 0:30 / /srv/other rw,relatime - tmpfs x rw
`)

test('a folder is found by every path that leads to it, whichever it is asked by, and so is a mounted part of it', () => {
  const all = ['/data/home/ann/fettle', '/home/ann/fettle', '/srv/live']
  assert.deepEqual(otherPaths('/home/ann/fettle', MOUNTS).sort(), ['/data/home/ann/fettle', '/srv/live'])
  assert.deepEqual(otherPaths('/data/home/ann/fettle', MOUNTS).sort(), ['/home/ann/fettle', '/srv/live'])
  assert.deepEqual(
    otherPaths('/srv/live/shop', MOUNTS).sort(),
    all.slice(0, 2).map(path => `${path}/live/shop`),
  )
})

test('what lies in one place only has no other path, whatever is mounted beside it', () => {
  assert.deepEqual(otherPaths('/srv/other/x', MOUNTS), [])
  assert.deepEqual(otherPaths('/homes/ann', MOUNTS), ['/mnt/host root/homes/ann'])
})
