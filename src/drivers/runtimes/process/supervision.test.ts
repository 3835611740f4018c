import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import {
  command,
  group,
  instance,
  linesOf,
  never,
  nodeScript,
  openRuntime,
  processesOf,
  untilGroup,
} from '../../../../test/helpers/process-runtime.ts'
import { eventually } from '../../../../test/helpers/raw.ts'
import type { FettleError } from '../../../core/errors.ts'
import { Secret } from '../../../core/secret.ts'
import { readBootId } from '../../../lib/proc-files.ts'
import type { GroupState } from '../../../ports/runtime.ts'
import type { UnitCgroup } from './cgroups.ts'
import { isAlive, processStat } from './proc.ts'

const restarts = (count: number) => (state: GroupState) =>
  (state.instances[0]?.restarts ?? 0) >= count && state.instances[0]?.state === 'ready'
const shimOf = (home: string, unit = 'groups/web/0') => Number(readFileSync(join(home, 'units', unit, 'state'), 'utf8').split(' ')[2])

describe('an app that is killed', () => {
  test('runs again on the same port, asked anew whether it is ready', async context => {
    const { runtime } = await openRuntime(context)
    await runtime.apply(group(), never)
    const [backend] = await runtime.ready('web', never)
    const { pid = 0 } = await instance(runtime)
    process.kill(pid, 'SIGKILL')
    const state = await untilGroup(runtime, restarts(1))
    assert.notEqual(state.instances[0]?.pid, pid)
    assert.equal(state.instances[0]?.lastExit, 'killed by SIGKILL')
    assert.deepEqual(await runtime.ready('web', never), [backend])
  })

  test('does not run by the unit of its backend while it waits for its next start', async context => {
    const { runtime, home } = await openRuntime(context)
    const begun = join(home, 'begun')
    const argv = nodeScript(`
      require('node:fs').mkdirSync(${JSON.stringify(begun)})
      require('node:http').createServer((_, a) => a.end()).listen(process.env.PORT)`)
    await runtime.apply(group({ argv }), never)
    const [backend] = await runtime.ready('web', never)
    assert.ok(backend?.kind === 'tcp' && backend.unit !== undefined)
    const state = join(backend.unit, 'state')
    const begins = (phase: string) => readFileSync(state, 'utf8').startsWith(`${readBootId()} ${phase} `)
    assert.ok(begins('running'))
    process.kill((await instance(runtime)).pid ?? 0, 'SIGKILL')
    await eventually('it waits for its next start', () => begins('backoff'))
  })

  test('runs again though no agent lives, and the next agent knows how often', async context => {
    const place = await openRuntime(context)
    await place.runtime.apply(group(), never)
    await place.runtime.ready('web', never)
    const { pid = 0 } = await instance(place.runtime)
    await place.runtime.close()
    process.kill(pid, 'SIGKILL')
    const runtime = await place.reopen()
    const state = await untilGroup(runtime, restarts(1))
    assert.equal(state.instances[0]?.restarts, 1)
  })

  test('takes along what it started, also what made a session of its own', async context => {
    for (const cgroups of ['auto', 'off'] as const) {
      const { runtime, home } = await openRuntime(context, { cgroups })
      const leaves = nodeScript(`
        require('node:child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }).unref()
        require('node:http').createServer((_, a) => a.end()).listen(process.env.PORT)`)
      await runtime.apply(group({ argv: leaves }), never)
      await runtime.ready('web', never)
      // Shim, app, and what left the session.
      assert.equal(processesOf(home).length, 3, cgroups)
      await runtime.stop('web', never)
      assert.deepEqual(processesOf(home), [], cgroups)
    }
  })
})

describe('a shim that is killed', () => {
  test('takes its app along and is replaced', async context => {
    const { runtime, home } = await openRuntime(context)
    await runtime.apply(group(), never)
    await runtime.ready('web', never)
    const { pid = 0 } = await instance(runtime)
    const { startTicks = 0 } = processStat(pid) ?? {}
    process.kill(shimOf(home), 'SIGKILL')
    await untilGroup(runtime, restarts(1))
    assert.ok(!isAlive(pid, startTicks))
  })

  test('while no agent lived is replaced by the next agent', async context => {
    const place = await openRuntime(context)
    await place.runtime.apply(group(), never)
    await place.runtime.close()
    process.kill(shimOf(place.home), 'SIGKILL')
    const runtime = await place.reopen()
    await untilGroup(runtime, restarts(1))
  })
})

describe('an app that ends again and again', () => {
  test('waits longer each time, and starts over once it ran long enough', async context => {
    const { runtime, home } = await openRuntime(context, { restart: { delays: [0, 0.05, 0.1, 1], stableMs: 1500 } })
    // Five runs that fall over, one that lasts, then one more that falls over and must be started again soon.
    const script =
      'echo x >>runs; n=$(wc -l <runs); cut -d" " -f1 /proc/uptime >>times; [ $n != 6 ] || sleep 1.7; [ $n -lt 8 ] || sleep 1000'
    await runtime.apply(group({ argv: ['sh', '-c', script], cwd: home, port: false, ready: { uptime: 200, within: 20_000 } }), never)
    await untilGroup(runtime, restarts(7))
    const times = readFileSync(join(home, 'times'), 'utf8').trim().split('\n').map(Number)
    const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, , again = 0] = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    assert.ok(second >= 0.04 && third >= 0.09 && fourth >= 0.99 && fifth >= 0.99, `it waited: ${times}`)
    assert.ok(first < fourth && again < fourth, `it did not wait at first, nor after a long run: ${times}`)
  })

  test('is shown waiting, and a stop does not wait with it', async context => {
    const { runtime } = await openRuntime(context, { restart: { delays: [1000], stableMs: 10_000 } })
    await runtime.apply(group({ argv: ['false'] }), never)
    const state = await untilGroup(runtime, ({ instances }) => instances[0]?.state === 'backoff')
    assert.equal(state.instances[0]?.lastExit, 'exited 1')
    await runtime.stop('web', never)
    assert.equal((await instance(runtime)).state, 'stopped')
  })
})

test('an app applied with another environment runs again with that, one applied as before goes on', async context => {
  const { runtime } = await openRuntime(context)
  const says = nodeScript(`console.log(process.env.COLOUR); require('node:http').createServer((_, a) => a.end()).listen(process.env.PORT)`)
  for (const COLOUR of ['red', 'red', 'blue']) {
    await runtime.apply(group({ argv: says, env: { COLOUR } }), never)
    await runtime.ready('web', never)
  }
  assert.deepEqual(await linesOf(runtime), ['red', 'blue'])
})

describe('a stop', () => {
  test('gives the app its time, and kills what does not listen', async context => {
    const { runtime } = await openRuntime(context)
    const polite = nodeScript(`process.on('SIGINT', () => setTimeout(() => { console.log('finished'); process.exit(0) }, 100))
      require('node:http').createServer((_, a) => a.end()).listen(process.env.PORT)`)
    await runtime.apply(group({ argv: polite, stop: { signal: 'SIGINT', drainMs: 5000 } }), never)
    await runtime.ready('web', never)
    await runtime.stop('web', never)
    assert.deepEqual(await linesOf(runtime), ['finished'])
    assert.equal((await instance(runtime)).lastExit, 'exited 0')
    const deaf = nodeScript(
      `process.on('SIGTERM', () => {}); require('node:http').createServer((_, a) => a.end()).listen(process.env.PORT)`,
    )
    await runtime.apply(group({ argv: deaf, stop: { signal: 'SIGTERM', drainMs: 100 } }), never)
    await runtime.ready('web', never)
    await runtime.stop('web', never)
    assert.equal((await instance(runtime)).lastExit, 'killed by SIGKILL')
  })

  test('lets what a shell started finish too', async context => {
    const { runtime } = await openRuntime(context)
    const child = `process.on('SIGTERM', () => setTimeout(() => { console.log('finished'); process.exit(0) }, 100)); console.log('waits'); setInterval(() => {}, 1000)`
    await runtime.apply(group({ argv: ['sh', '-c', '"$0" -e "$1"; true', process.execPath, child], port: false, ready: undefined }), never)
    const seen: string[] = []
    for await (const { text } of runtime.logs({}, { follow: true }, never)) {
      seen.push(text)
      if (text === 'waits') break
    }
    await runtime.stop('web', never)
    assert.ok((await linesOf(runtime)).includes('finished'))
  })
})

describe('a port', () => {
  test('that somebody else listens on is left to them', async context => {
    const foreign = createServer(socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
    await once(foreign.listen(0, '127.0.0.1'), 'listening')
    context.after(() => foreign.close())
    const { port: from } = foreign.address() as { port: number }
    const { runtime } = await openRuntime(context, { ports: { from, to: from + 20 } })
    await runtime.apply(group(), never)
    const [backend] = await runtime.ready('web', never)
    assert.ok(backend?.kind === 'tcp' && backend.port !== from)
  })

  test('that somebody else takes before the app does is changed for another, though they answer well', async context => {
    const { runtime, home, messages } = await openRuntime(context)
    const foreign = createServer(socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
    context.after(() => foreign.close())
    const slow = nodeScript(`setTimeout(() => require('node:http').createServer((_, a) => a.end()).listen(process.env.PORT), 300)`)
    await runtime.apply(group({ argv: slow }), never)
    const port = Number(readFileSync(join(home, 'units/groups/web/0/port'), 'utf8'))
    await once(foreign.listen(port, '127.0.0.1'), 'listening')
    const [backend] = await runtime.ready('web', never)
    assert.ok(backend?.kind === 'tcp' && backend.port !== port)
    assert.match(messages.join('\n'), /in use by another process/)
  })
})

test('with the last unit of a home the control group of the home goes too', async context => {
  const place = await openRuntime(context)
  await place.runtime.apply(group({ instances: 3, limits: { memoryBytes: 128 << 20 } }), never)
  await place.runtime.ready('web', never)
  const record = JSON.parse(readFileSync(join(place.home, 'units/groups/web/0/spec.json'), 'utf8')) as { cgroup: UnitCgroup }
  const bases = record.cgroup.folders.map(dirname)
  assert.deepEqual(
    bases.filter(base => !existsSync(base)),
    [],
  )
  const runtime = await place.reopen()
  await Promise.all([runtime.run(command(['true']), never).then(() => runtime.forget('op')), runtime.remove('web', never)])
  assert.deepEqual(bases.filter(existsSync), [])
})

describe('a memory limit', () => {
  const glutton = nodeScript(`const kept = []; setInterval(() => kept.push(Buffer.alloc(8 << 20, 1)), 10)`)

  for (const cgroups of ['auto', 'off'] as const) {
    test(`ends an app that goes beyond it, and says so (control groups ${cgroups})`, async context => {
      const { runtime } = await openRuntime(context, { cgroups })
      if (cgroups === 'off') assert.equal(runtime.caps.memory, 'polled')
      await runtime.apply(group({ argv: glutton, port: false, limits: { memoryBytes: 128 << 20 }, ready: { within: 20_000 } }), never)
      const state = await untilGroup(runtime, ({ instances }) => (instances[0]?.restarts ?? 0) > 0)
      assert.equal(state.instances[0]?.lastExit, 'killed: memory limit 128 MiB')
    })
  }
})

describe('an app that does not become ready', () => {
  test('is told about in full: what was asked, what answered, how it ended, what it said', async context => {
    const { runtime } = await openRuntime(context)
    const broken = nodeScript(`console.log('connecting with s3cr3t'); setTimeout(() => { throw new Error('no database') }, 20)`)
    await runtime.apply(group({ argv: broken, env: { KEY: new Secret('s3cr3t') }, ready: { http: '/health', within: 400 } }), never)
    await untilGroup(runtime, ({ instances }) => (instances[0]?.restarts ?? 0) > 0)
    await assert.rejects(runtime.ready('web', never), (error: FettleError) => {
      assert.equal(error.code, 'NOT_READY')
      assert.match(
        error.message,
        /web\.0 was not ready within 0\.4 s: nothing listens on its port 20\d+; it was restarted \d times?, the last run exited 1/,
      )
      assert.match(error.message, /no database/)
      assert.doesNotMatch(JSON.stringify(error), /s3cr3t/)
      return true
    })
  })

  test('by its own command shows what that said', async context => {
    const { runtime } = await openRuntime(context)
    await runtime.apply(
      group({ env: { WHO: 'queue' }, ready: { command: 'echo "$WHO is behind on port $PORT" >&2; exit 4', within: 2000 } }),
      never,
    )
    await assert.rejects(runtime.ready('web', never), /it exited 4, saying queue is behind on port 20\d+/)
  })

  test('becomes ready late, and that is told', async context => {
    const { runtime } = await openRuntime(context)
    const late = nodeScript(`setTimeout(() => require('node:http').createServer((_, a) => a.end()).listen(process.env.PORT), 400)`)
    await runtime.apply(group({ argv: late, ready: { http: '/', within: 100 } }), never)
    await assert.rejects(runtime.ready('web', never), /nothing listens/)
    await untilGroup(runtime, ({ instances }) => instances[0]?.state === 'ready')
  })
})

describe('a command', () => {
  test('that ended while no agent lived has its true result', async context => {
    const place = await openRuntime(context)
    const gate = join(place.home, 'gate')
    const waiting = place.runtime.run(
      command(['sh', '-c', 'while [ ! -e "$0" ]; do sleep 0.01; done; echo done; exit 42', gate]),
      AbortSignal.timeout(100),
    )
    await assert.rejects(waiting)
    await place.runtime.close()
    writeFileSync(gate, '')
    const runtime = await place.reopen()
    const result = await runtime.run(command(['never', 'run']), never)
    assert.equal(result.code, 42)
    assert.equal(result.tail, 'done')
  })

  test('is ended in time though no agent lives', async context => {
    const place = await openRuntime(context)
    const long = command(['sleep', '1000'], { timeoutMs: 300 })
    await assert.rejects(place.runtime.run(long, AbortSignal.timeout(50)))
    await place.runtime.close()
    const runtime = await place.reopen()
    assert.equal((await runtime.run(long, never)).timedOut, true)
  })

  test('whose shim was killed is lost, does not run again, and leaves nothing that watches its time', async context => {
    const { runtime, home } = await openRuntime(context)
    const counted = command(['sh', '-c', 'echo x >>runs; sleep 1000'], { cwd: home, timeoutMs: 3_600_000 })
    const running = runtime.run(counted, never)
    while (!existsSync(join(home, 'runs')) || readFileSync(join(home, 'runs'), 'utf8') === '')
      await new Promise(resolve => setImmediate(resolve))
    process.kill(shimOf(home, 'commands/op'), 'SIGKILL')
    await assert.rejects(running, { code: 'LOST' })
    await assert.rejects(runtime.run(counted, never), { code: 'LOST' })
    assert.deepEqual(await runtime.command('op'), { state: 'lost' })
    assert.equal(readFileSync(join(home, 'runs'), 'utf8'), 'x\n')
  })

  test('from before the machine started last is lost, and does not run again', async context => {
    const place = await openRuntime(context)
    await place.runtime.run(command(['true']), never)
    await place.runtime.close()
    // A power cut took the state, which nobody made durable, and another boot began.
    const folder = join(place.home, 'units/commands/op')
    rmSync(join(folder, 'state'))
    const record = JSON.parse(readFileSync(join(folder, 'spec.json'), 'utf8'))
    writeFileSync(join(folder, 'spec.json'), JSON.stringify({ ...record, boot: 'an earlier one' }))
    const runtime = await place.reopen()
    await assert.rejects(runtime.run(command(['true']), never), { code: 'LOST' })
  })

  test('leaves no process behind, and no key on the disk', async context => {
    for (const cgroups of ['auto', 'off'] as const) {
      const { runtime, home } = await openRuntime(context, { cgroups })
      const leaves = command(['sh', '-c', 'cat; setsid sleep 1000 >/dev/null 2>&1 &'], { stdin: new Secret('key') })
      await runtime.run(leaves, never)
      assert.deepEqual(processesOf(home), [], cgroups)
      assert.equal(existsSync(join(home, 'units/commands/op/stdin')), false)
    }
  })
})

test('services of an earlier boot run again, without an apply', async context => {
  const place = await openRuntime(context)
  await place.runtime.apply(group(), never)
  await place.runtime.close()
  const folder = join(place.home, 'units/groups/web/0')
  process.kill(shimOf(place.home), 'SIGKILL')
  const state = readFileSync(join(folder, 'state'), 'utf8')
  writeFileSync(join(folder, 'state'), state.replace(/^\S+/, 'an-earlier-boot'))
  const runtime = await place.reopen()
  assert.equal((await runtime.ready('web', never)).length, 1)
  assert.equal((await instance(runtime)).restarts, 0)
})
