import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notMade } from './cgroups.ts'

test('a folder of root in which no group can be made is told in words, any other trouble as the system tells it', () => {
  const denied = Object.assign(new Error("EACCES: permission denied, mkdir '/sys/fs/cgroup/f/probe'"), { code: 'EACCES' })
  assert.equal(notMade(denied, '/sys/fs/cgroup'), 'this user may make no group in /sys/fs/cgroup')
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  assert.equal(notMade(full, '/sys/fs/cgroup'), full.message)
})
