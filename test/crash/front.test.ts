/** The front as a process: killed, replaced, adopted, ended. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { FettleError } from '../../src/core/errors.ts'
import type { EmbeddedProxy } from '../../src/drivers/proxies/embedded/driver.ts'
import type { FrontOptions } from '../../src/drivers/proxies/embedded/front-process.ts'
import { createEmbeddedProxy, frontProgram } from '../../src/drivers/proxies/embedded/index.ts'
import { commandOf } from '../../src/drivers/proxies/embedded/launch.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { tableOf } from '../conformance/proxy.ts'
import { ask, type Reply } from '../helpers/http.ts'
import { type Instance, named, startInstance } from '../helpers/instance.ts'
import { eventually, rawConnect, readUntil } from '../helpers/raw.ts'

interface Running {
  home: string
  proxy: EmbeddedProxy
  address: string
  instance: Instance
  /** Stopped after the test. */
  start(...instance: Parameters<typeof startInstance>): Promise<Instance>
  /** As another agent would. */
  again(options?: Partial<FrontOptions>): EmbeddedProxy
}

const withFront = (title: string, body: (running: Running) => Promise<void>) =>
  test(title, async () => {
    const home = await mkdtemp(join(tmpdir(), 'fettle-front-'))
    const again = (options: Partial<FrontOptions> = {}) =>
      createEmbeddedProxy({ home, listen: { host: '127.0.0.1', port: 0 }, clock: systemClock, ...options })
    const proxy = again()
    const instances: Instance[] = []
    const start = async (...args: Parameters<typeof startInstance>) => {
      const instance = await startInstance(...args)
      instances.push(instance)
      return instance
    }
    try {
      const instance = await start(named('v1'))
      await proxy.open()
      await proxy.commit(tableOf(1, [instance.backend]), 0)
      await body({
        home,
        proxy,
        address: await proxy.address(),
        instance,
        start,
        again,
      })
    } finally {
      await proxy.shutdown()
      for (const instance of instances) await instance.stop()
      await rm(home, { recursive: true })
    }
  })

const shimOf = async (home: string): Promise<number> => Number(await readFile(join(home, 'front', 'pid'), 'utf8'))
const errorCode = (error: unknown) => (error as NodeJS.ErrnoException).code ?? ''

withFront(
  'a front that is killed under load loses what was in flight, refuses nobody, and serves its table again',
  async ({ proxy, address }) => {
    let isOver = false
    const outcomes = new Map<string, number>()
    const client = async () => {
      while (!isOver) {
        const outcome = await ask(address).then(
          reply => String(reply.status),
          error => errorCode(error),
        )
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      }
    }
    const clients = [client(), client(), client(), client()]
    for (let kills = 0; kills < 3; kills++) {
      const { pid } = await proxy.about()
      process.kill(pid, 'SIGKILL')
      await eventually('another front answers', async () => (await proxy.about()).pid !== pid)
      assert.equal((await ask(address)).status, 200)
    }
    isOver = true
    await Promise.all(clients)
    const { 200: answered = 0, ECONNRESET: reset = 0, ...others } = Object.fromEntries(outcomes)
    assert.deepEqual(others, {})
    assert.ok(answered > 3 && reset <= 3 * clients.length, `${answered} answered, ${reset} reset`)
  },
)

withFront('another agent adopts the front that runs, at the same address', async ({ proxy, address, again }) => {
  const before = await proxy.about()
  const second = again()
  await second.open()
  assert.equal((await second.about()).pid, before.pid)
  assert.equal(await second.address(), address)
  assert.equal((await second.current('shop', 'production'))?.generation, 1)
})

withFront('an agent of another version replaces the front by its own', async ({ proxy, address, again }) => {
  const before = await proxy.about()
  const [node = '', ...rest] = frontProgram()
  const program = [node, '--no-warnings', ...rest]
  await again({ program }).open()
  const { pid, program: running } = await proxy.about()
  assert.notEqual(pid, before.pid)
  assert.deepEqual(running, program)
  assert.equal((await ask(address)).status, 200)
  await again({ program }).open()
  assert.equal((await proxy.about()).pid, pid)
})

withFront('an agent that trusts another network has the front that runs believe it', async ({ proxy, address, again, start }) => {
  const app = await start((incoming, response) => response.end(String(incoming.headers['x-forwarded-proto'])))
  await proxy.commit(tableOf(2, [app.backend]), 1)
  const seen = async () => (await ask(address, { headers: { 'x-forwarded-proto': 'https' } })).text
  assert.equal(await seen(), 'http')
  await again({ trust: ['127.0.0.0/8'] }).open()
  assert.equal(await seen(), 'https')
  await again({ trust: ['10.0.0.0/8'] }).open()
  assert.equal(await seen(), 'http')
})

withFront('the port that was given is kept over an end and a new start', async ({ proxy, address, again }) => {
  await proxy.shutdown()
  await assert.rejects(ask(address), error => errorCode(error) === 'ECONNREFUSED')
  const second = again()
  await second.open()
  assert.equal(await second.address(), address)
  assert.equal((await ask(address)).status, 200)
})

withFront('a port asked for that somebody else has is PORT_IN_USE, and any port means another one', async ({ proxy, address, again }) => {
  const { port } = new URL(address)
  await proxy.shutdown()
  const thief = createServer().listen(Number(port), '127.0.0.1')
  await assert.rejects(
    again({ listen: { host: '127.0.0.1', port: Number(port) } }).open(),
    error => error instanceof FettleError && error.code === 'PORT_IN_USE',
  )
  await proxy.open()
  assert.notEqual(await proxy.address(), address)
  thief.close()
})

withFront('the folder and the control socket are for this user only', async ({ home }) => {
  assert.equal((await stat(join(home, 'front'))).mode & 0o777, 0o700)
  assert.equal((await stat(join(home, 'front', 'control.sock'))).mode & 0o777, 0o600)
})

withFront('a hold outlives the front', async ({ proxy, address }) => {
  await proxy.hold('shop', 'production', { drainMs: 0, maxWaitMs: 30_000 })
  const { pid } = await proxy.about()
  process.kill(pid, 'SIGKILL')
  await eventually('another front answers', async () => (await proxy.about()).pid !== pid)
  const waiting = ask(address)
  const first = await Promise.race([waiting, proxy.counters('r1-op1')])
  assert.ok(!('status' in (first as Reply)), 'it was answered')
  await proxy.release('shop', 'production')
  assert.equal((await waiting).status, 200)
})

withFront('a hold lasts when the connection that asked for it dies', async ({ proxy, address, home, start }) => {
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const slow = await start(
    (incoming, response) => void (incoming.url === '/slow' ? finished : Promise.resolve()).then(() => response.end('ok')),
  )
  await proxy.commit(tableOf(2, [slow.backend]), 1)
  const inFlight = ask(address, { path: '/slow' })
  await eventually('it is in flight', async () => (await proxy.inFlight('r2-op2')) === 1)
  const asking = request({ socketPath: join(home, 'front', 'control.sock'), method: 'PUT', path: '/holds/shop/production' })
  asking.on('error', () => {})
  asking.end(JSON.stringify({ drainMs: 30_000, maxWaitMs: 30_000 }))
  await eventually('it is held', () => existsSync(join(home, 'front', 'tables', 'shop', 'production.hold')))
  asking.destroy()
  const waiting = ask(address)
  finish()
  assert.equal((await inFlight).text, 'ok')
  const counters = await proxy.counters('r2-op2')
  assert.ok(counters !== 'unknown' && counters.requests === 1)
  await proxy.release('shop', 'production')
  assert.equal((await waiting).text, 'ok')
})

withFront('counters outlive an orderly end', async ({ proxy, address }) => {
  for (let i = 0; i < 5; i++) await ask(address)
  const before = await proxy.counters('r1-op1')
  await proxy.reload(frontProgram())
  assert.deepEqual(await proxy.counters('r1-op1'), before)
})

withFront(
  'a reload loses nothing: what is in flight ends in the old process, a kept connection may send once more',
  async ({ proxy, address, instance, start }) => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
    const slow = await start((_request, response) => {
      arrive()
      void finished.then(() => response.end('late'))
    })
    const routes = [
      { host: 'app.example', path: '/', service: 'web', backends: [instance.backend] },
      { host: 'app.example', path: '/slow', service: 'slow', backends: [slow.backend] },
    ]
    await proxy.commit(tableOf(2, [], { routes }), 1)
    const kept = await rawConnect(Number(new URL(address).port))
    const get = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n'
    const isWhole = (text: string) => text.includes('"body":""}')
    kept.write(get)
    await readUntil(kept, isWhole)
    const inFlight = ask(address, { path: '/slow' })
    await arrived
    const before = await proxy.about()
    const reloaded = proxy.reload(frontProgram())
    await eventually('the successor answers', async () => (await proxy.about()).pid !== before.pid)
    // The old process must know of a commit that only the new one was told.
    const fresh = await start(named('v2'))
    await proxy.commit(tableOf(3, [fresh.backend]), 2)
    assert.equal(JSON.parse((await ask(address)).text).name, 'v2')
    kept.write(get)
    const last = await readUntil(kept, isWhole)
    assert.match(last, /connection: close/i)
    assert.match(last, /"name":"v2"/)
    finish()
    assert.equal((await inFlight).text, 'late')
    await reloaded
    assert.deepEqual(commandOf(before.pid), [])
  },
)

withFront('a program that does not start is put back by the one before', async ({ proxy, address, home }) => {
  const broken = join(home, 'broken.js')
  await writeFile(broken, 'process.exit(3)')
  const { program } = await proxy.about()
  await assert.rejects(proxy.reload([process.execPath, broken]), error => error instanceof FettleError && error.code === 'REFUSED')
  assert.deepEqual((await proxy.about()).program, program)
  assert.equal((await ask(address)).status, 200)
})

/** The front dies and its program is gone: its shim starts in vain. */
async function breakFront({ proxy, home }: Running): Promise<void> {
  const { pid } = await proxy.about()
  await writeFile(join(home, 'front', 'program'), `${process.execPath}\n${join(home, 'gone.js')}\n`)
  process.kill(pid, 'SIGKILL')
  await eventually('a start in vain', async () => {
    const ended = await readFile(join(home, 'front', 'ended'), 'utf8').catch(() => '')
    return ended !== '' && !ended.startsWith(`${pid} `)
  })
}

withFront('a front whose program is gone is started by that of the next agent, at the same address', async running => {
  await breakFront(running)
  await running.again().open()
  assert.equal((await ask(running.address)).status, 200)
})

withFront('a front that can not start can be ended', async running => {
  await breakFront(running)
  await running.proxy.shutdown()
  await assert.rejects(ask(running.address), error => errorCode(error) === 'ECONNREFUSED')
})

withFront('a front whose shim was killed serves on, and the next agent gives it a shim again', async ({ proxy, address, home, again }) => {
  process.kill(await shimOf(home), 'SIGKILL')
  await eventually('it is an orphan', async () => (await proxy.about()).isOrphan)
  assert.equal((await ask(address)).status, 200)
  await again().open()
  const { isOrphan, pid } = await proxy.about()
  assert.equal(isOrphan, false)
  process.kill(pid, 'SIGKILL')
  await eventually('another front answers', async () => (await proxy.about()).pid !== pid)
  assert.equal((await ask(address)).status, 200)
})

withFront(
  'requests over a kept connection that come after a commit get the new release, pipelined ones too',
  async ({ proxy, address, start }) => {
    const fresh = await start(named('v2'))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    assert.equal(JSON.parse((await ask(address, { agent })).text).name, 'v1')
    const socket = await rawConnect(Number(new URL(address).port))
    socket.write('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')
    await readUntil(socket, text => text.includes('"v1"'))
    await proxy.commit(tableOf(2, [fresh.backend]), 1)
    assert.equal(JSON.parse((await ask(address, { agent })).text).name, 'v2')
    socket.write('GET /1 HTTP/1.1\r\nHost: app.example\r\n\r\nGET /2 HTTP/1.1\r\nHost: app.example\r\n\r\n')
    const got = await readUntil(socket, text => text.includes('"url":"/2"') && text.endsWith('}'))
    assert.deepEqual(got.match(/"name":"v\d"/g), ['"name":"v2"', '"name":"v2"'])
    socket.destroy()
    agent.destroy()
    await fresh.stop()
  },
)

withFront(
  'a front that is killed together with its shim is started again, where somebody looks after it',
  async ({ proxy, address, home, again }) => {
    const lost: unknown[] = []
    const kept = again({ onLost: error => lost.push(error) })
    await kept.open()
    const { pid } = await proxy.about()
    process.kill(await shimOf(home), 'SIGKILL')
    process.kill(pid, 'SIGKILL')
    await eventually('another one answers', async () => (await proxy.about()).pid !== pid)
    assert.equal((await ask(address)).status, 200)
    assert.deepEqual(lost, [])
    await kept.close()
  },
)
