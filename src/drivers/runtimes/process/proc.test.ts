import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { pidsByEnvironment } from '../../../lib/proc-files.ts'
import { isAlive, processStat, ticksSinceBoot } from './proc.ts'

describe('what /proc tells', () => {
  test('of a process: alive under its pid and start time, not under another', () => {
    const { startTicks = 0 } = processStat(process.pid) ?? {}
    assert.ok(startTicks > 0 && startTicks <= ticksSinceBoot())
    assert.ok(isAlive(process.pid, startTicks))
    assert.ok(!isAlive(process.pid, startTicks + 1))
  })

  test('of a zombie: it is dead', async () => {
    // The shell becomes a sleep that never asks how the child ended.
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 1000'])
    const [line] = await once(parent.stdout, 'data')
    const pid = Number(String(line))
    while (processStat(pid)?.state !== 'Z') await new Promise(resolve => setImmediate(resolve))
    assert.ok(!isAlive(pid, processStat(pid)?.startTicks ?? 0))
    parent.kill('SIGKILL')
    await once(parent, 'exit')
  })

  test('of an environment: whole entries only', async () => {
    const mark = `MARK=${process.pid}`
    const child = spawn('sleep', ['1000'], { env: { A: '1', MARK: String(process.pid), B: '2' } })
    await once(child, 'spawn')
    assert.deepEqual(pidsByEnvironment(mark), [child.pid])
    assert.deepEqual(pidsByEnvironment(mark.slice(0, -1)), [])
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
})
