import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { command, group, never, nodeScript, openRuntime, server } from '../../../../test/helpers/process-runtime.ts'
import type { Backend } from '../../../ports/runtime.ts'

const get = (backend: Backend | undefined): Promise<string> =>
  new Promise((resolve, reject) => {
    assert.ok(backend?.kind === 'unix')
    request({ socketPath: backend.path }, response => response.setEncoding('utf8').on('data', resolve))
      .on('error', reject)
      .end()
  })

/** A process of a sandbox has two names. */
const pidInside = (pid = 0): string | undefined => /^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

describe('a sandbox', () => {
  test('lets nothing out: no host server, no outside, no hidden folder, no socket of the host', async context => {
    const { runtime, home } = await openRuntime(context)
    if (runtime.caps.isolation === 'none') return context.skip(runtime.caps.isolationReason)
    const host = createServer((_, answer) => answer.end('the host')).listen(0, '127.0.0.1')
    context.after(() => host.close())
    await new Promise(resolve => host.once('listening', resolve))
    const hide = ['/usr/share/perl5', '/etc/passwd', join(home, 'not-there')]
    await runtime.openSandbox('drill', { hide, write: [], copy: [] }, never)
    const look = nodeScript(`
      const { readdirSync, readFileSync } = require('node:fs'); const { connect } = require('node:net')
      const reach = (host, port) => new Promise(done => connect({ host, port }, () => done('reached')).on('error', e => done(e.code)))
      ;(async () => console.log(JSON.stringify({
        host: await reach('127.0.0.1', ${(host.address() as AddressInfo).port}), outside: await reach('192.0.2.1', 80),
        folder: readdirSync(${JSON.stringify(hide[0])}), file: readFileSync(${JSON.stringify(hide[1])}, 'utf8'),
        run: readdirSync('/run'), told: process.env.FETTLE_SANDBOX })))()`)
    const { tail } = await runtime.run(command(look, { sandbox: 'drill' }), never)
    assert.deepEqual(JSON.parse(tail), { host: 'ECONNREFUSED', outside: 'ENETUNREACH', folder: [], file: '', run: [], told: '1' })
  })

  test('has services that are reached from outside, one port for each', async context => {
    const { runtime } = await openRuntime(context)
    if (runtime.caps.isolation === 'none') return context.skip(runtime.caps.isolationReason)
    await runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never)
    await runtime.apply(group({ sandbox: 'drill', instances: 2 }), never)
    const backends = await runtime.ready('web', never)
    const pids = (await runtime.groups({}))[0]?.instances.map(({ pid }) => pidInside(pid))
    assert.deepEqual(await Promise.all(backends.map(get)), pids)
  })

  test('keeps its services through the death of the agent, and its relay through its own', async context => {
    const place = await openRuntime(context)
    if (place.runtime.caps.isolation === 'none') return context.skip(place.runtime.caps.isolationReason)
    await place.runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never)
    await place.runtime.apply(group({ sandbox: 'drill', argv: server }), never)
    const [backend] = await place.runtime.ready('web', never)
    const runtime = await place.reopen()
    assert.deepEqual(await runtime.ready('web', never), [backend])
    await get(backend)
    const inside = await runtime.run(command(['readlink', '/proc/self/ns/net'], { sandbox: 'drill' }), never)
    const outside = await runtime.run(command(['readlink', '/proc/self/ns/net'], { name: 'op2' }), never)
    assert.notEqual(inside.tail, outside.tail)
  })

  test('takes all mail and counts it', async context => {
    const { runtime } = await openRuntime(context)
    if (runtime.caps.isolation === 'none') return context.skip(runtime.caps.isolationReason)
    const sandbox = await runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never)
    const mail = nodeScript(`
      const told = new URL(process.env.FETTLE_SMTP_URL)
      for (const [host, port] of [[told.hostname, told.port], ['localhost', 25], ['localhost', 587], ['localhost', 2525]]) {
        const socket = require('node:net').connect(port, host); let rest = ['EHLO app', 'MAIL FROM:<a@shop.test>', 'RCPT TO:<b@shop.test>', 'DATA', 'Subject: hello\\r\\n\\r\\nhello\\r\\n.', 'QUIT']
        socket.setEncoding('utf8').on('data', text => { for (const line of text.trim().split('\\r\\n')) if (/^[23]\\d\\d /.test(line)) socket.write((rest.shift() ?? '') + '\\r\\n'); else if (!/^\\d{3}-/.test(line)) console.log(line) })
      }`)
    const { tail, code } = await runtime.run(command(mail, { sandbox: 'drill', timeoutMs: 20_000 }), never)
    assert.deepEqual({ tail, code }, { tail: '', code: 0 })
    assert.equal(await sandbox.mails(), 4)
  })

  test('closed, takes along what runs in it', async context => {
    const { runtime } = await openRuntime(context)
    if (runtime.caps.isolation === 'none') return context.skip(runtime.caps.isolationReason)
    await runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never)
    const running = runtime.run(command(['sh', '-c', 'setsid sleep 1000 & sleep 1000'], { sandbox: 'drill' }), never)
    while ((await runtime.command('op')).state !== 'running') await new Promise(resolve => setImmediate(resolve))
    await runtime.closeSandbox('drill')
    assert.ok((await running).code > 128)
    await assert.rejects(runtime.run(command(['true'], { name: 'op2', sandbox: 'drill' }), never), { code: 'NOT_FOUND' })
  })

  test('closed after a walk over all files, waits for the kernel to take its mounts down', async context => {
    const { runtime } = await openRuntime(context)
    if (runtime.caps.isolation === 'none') return context.skip(runtime.caps.isolationReason)
    await runtime.openSandbox('drill', { hide: [], write: [], copy: [] }, never)
    await runtime.run(command(['find', '/usr', '-xdev', '-perm', '-4000'], { sandbox: 'drill' }), never)
    await runtime.closeSandbox('drill')
    await assert.rejects(runtime.run(command(['true'], { name: 'op2', sandbox: 'drill' }), never), { code: 'NOT_FOUND' })
  })
})
