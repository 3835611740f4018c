import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { hasEnded } from './process-end.ts'

test('a process has ended when it is gone, and when nobody has waited for it yet', async t => {
  // The shell becomes a program that never waits for the child that the shell began.
  const child = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  const orphan = Number(line)
  assert.equal(await hasEnded(orphan), false)
  process.kill(orphan, 'SIGKILL')
  while (!(await hasEnded(orphan))) await turn()
  process.kill(orphan, 0) // it has its pid still
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.equal(await hasEnded(child.pid ?? 0), true)
})
