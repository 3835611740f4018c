import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { isAlive, listeners, parseListeners, pidsByEnvironment, processStat, socketInodes, ticksSinceBoot } from './proc.ts'

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

  test('of listeners: whose they are', async context => {
    const server = createServer().listen(0, '127.0.0.1')
    context.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const [found] = listeners('self').filter(listener => listener.port === port)
    assert.equal(found?.address, '0100007F')
    assert.ok(socketInodes(process.pid).has(found?.inode ?? ''))
  })

  test('of a table with connections behind the listeners: the listeners', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 33101 1 0 100 0 0 10 0
   1: 0100007F:4E20 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 33102 1 0 20 4 30 10 -1
`
    assert.deepEqual(parseListeners(table), [{ address: '0100007F', port: 20_000, inode: '33101' }])
  })
})
