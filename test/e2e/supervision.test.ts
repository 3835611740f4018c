/** What runs, runs on: crashes, restarts, numbers, stops, logs; by the program alone. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import type { EnvironmentStatus, ReleaseView, SnapshotView } from '../../src/api/views.ts'
import type { Plan } from '../../src/core/plan.ts'
import type { InstanceState, LogLine } from '../../src/ports/runtime.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { Load } from '../helpers/load.ts'
import { processesOf } from '../helpers/process-runtime.ts'

const HOST = 'workshop.test'

describe('services that run', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => cp(join(import.meta.dirname, 'workshop'), into, { recursive: true }))
    await site.must(['deploy'])
  })
  after(() => site.close())

  const dataFolder = async (): Promise<string> => (await site.status()).stores[0]?.path ?? ''
  const instances = ({ services }: EnvironmentStatus, name = 'web'): InstanceState[] =>
    services.find(service => service.name === name)?.group?.instances ?? []
  const snapshots = async (): Promise<SnapshotView[]> => (await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])).snapshots
  const isReady = (status: EnvironmentStatus): boolean => status.state === 'up'
  const setVersion = (version: number): Promise<void> => writeFile(join(site.app, 'version'), String(version))

  /** Clients that keep their connections, while something is done. @throws when a request failed */
  async function underLoad(work: () => Promise<unknown>): Promise<string> {
    const slow = { request: () => ({ host: HOST, path: '/slow' }) }
    const write = { request: () => ({ host: HOST, path: '/', method: 'POST', body: 'x' }), pauseMs: 40 }
    const load = new Load(await site.address(), [{ request: () => ({ host: HOST }) }, slow, write])
    await work()
    const { sent, failures, slowestMs } = await load.stop()
    assert.deepEqual(failures, [])
    return `${sent} requests sent, 0 lost, longest ${Math.round(slowestMs)} ms`
  }

  test('[rm3-03] are started again after a crash, later each time when they go on crashing, and serve again when they are well', async t => {
    const [victim] = instances(await site.status())
    const clients = new Load(await site.address(), [{ request: () => ({ host: HOST }) }])
    const broken = join(await dataFolder(), 'broken')
    await writeFile(broken, '')
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    const failing = await site.until(status => instances(status).some(({ state, restarts }) => state === 'backoff' && restarts >= 3))
    assert.equal(failing.state, 'degraded')
    assert.match(failing.why ?? '', /web\.\d is backoff \(exited 3\)/)
    await rm(broken)
    const well = await site.until(isReady)
    const { sent, failures } = await clients.stop()
    t.diagnostic(`${sent} requests meanwhile, ${failures.length} lost`)
    assert.deepEqual(failures, [], 'the other instance answered')
    assert.notEqual(instances(well)[0]?.pid, victim?.pid)
  })

  test('are restarted without a lost request, all of them anew', async t => {
    const pids = instances(await site.status()).map(({ pid }) => pid)
    t.diagnostic(await underLoad(() => site.must(['restart'])))
    const now = instances(await site.status()).map(({ pid }) => pid)
    assert.deepEqual(
      now.filter(pid => pids.includes(pid)),
      [],
    )
  })

  test('are made more and fewer under load; the number outlives a deploy, which says so', async t => {
    t.diagnostic(await underLoad(() => site.must(['scale', 'web=4'])))
    assert.equal(instances(await site.status()).length, 4)
    const stands = 'web: 4 instances by fettle scale, the file says 2'
    assert.equal((await site.look<Plan>(['plan'])).lines[1]?.text, stands)
    assert.ok((await site.run(['status'])).stdout.includes(stands))
    await setVersion(2)
    t.diagnostic(await underLoad(async () => assert.equal((await site.must(['deploy'])).plan.lines[1]?.text, stands)))
    assert.equal(instances(await site.status()).length, 4)
  })

  test('are as many again as the file says, once a deploy has one that says another number; a rollback brings back as many as ran', async t => {
    const deployWith = async (count: number) => {
      await site.edit('fettle.yaml', text => text.replace(/^ {4}instances: \d/m, `    instances: ${count}`))
      return (await site.must(['deploy'])).plan.lines.map(({ text }) => text).filter(text => text !== 'source: changed')
    }
    const count = async () => instances(await site.status()).length
    const ended = ['services.web.instances: 2 → 3', 'web: 4 instances by fettle scale → 3, as the file says']
    assert.deepEqual([await deployWith(3), await count()], [ended, 3])
    await site.must(['rollback'])
    assert.equal(await count(), 4)
    await site.must(['deploy'])
    assert.deepEqual([await deployWith(2), await count()], [['services.web.instances: 3 → 2'], 2])
    t.diagnostic(await underLoad(() => site.must(['scale', 'web=1'])))
    assert.equal(instances(await site.status()).length, 1)
    const singleton = await site.operate(['scale', 'scheduler=2'])
    assert.deepEqual([singleton.code, singleton.error?.code], [5, 'REFUSED'])
    await site.must(['scale', 'web=2'])
  })

  test('[failmap-05] have exactly one scheduler: through all of this, a deploy, a rollback, and its own sudden death', async () => {
    await setVersion(3)
    await site.must(['deploy'])
    await site.must(['rollback'])
    const [before] = instances(await site.status(), 'scheduler')
    process.kill(before?.pid ?? 0, 'SIGKILL')
    await site.until(status => isReady(status) && instances(status, 'scheduler')[0]?.pid !== before?.pid)
    const beats = readFileSync(join(await dataFolder(), 'beats'), 'utf8')
      .trim()
      .split('\n')
    assert.ok(beats.length >= 12)
    assert.deepEqual(
      beats.filter(beat => beat.startsWith('met')),
      [],
    )
    assert.equal(beats.at(-1), `begins ${instances(await site.status(), 'scheduler')[0]?.pid}`)
  })

  test('run a command beside them, in their release and on their data, whose output comes as it is', async () => {
    const ran = await site.run(['run', 'sh', '-c', 'echo one; echo two >&2; ls "$DATA"'])
    assert.deepEqual(ran, { code: 0, stdout: 'one\nbeats\nbeats.lock\n', stderr: 'two\n' })
    const failed = await site.run(['exec', 'sh', '-c', 'echo said; exit 9'])
    assert.deepEqual([failed.code, failed.stdout], [9, 'said\n'])
    assert.match(failed.stderr, /sh exited 9/)
  })

  test('run exits as its command does: 128 + n after a signal, 127 without such a program; 125 is a failure of its own', async () => {
    const killed = await site.run(['run', 'sh', '-c', 'kill -TERM $$'])
    const missing = await site.run(['run', 'no-such-program'])
    const stranger = await site.run(['run', '--env', 'nowhere', 'true'])
    const misread = await site.run(['run', '--bogus', 'true'])
    assert.deepEqual([killed.code, missing.code, stranger.code, misread.code], [143, 127, 125, 125])
    const { code, stdout } = await site.run(['run', '--json', 'sh', '-c', 'exit 42'])
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as { type: string; status: number }
    assert.deepEqual([code, last.type, last.status], [42, 'result', 42])
  })

  test('[rm3-11] are followed in their logs, and counted: requests, errors, latency, memory', async () => {
    const child = site.start(['logs', '--follow', '--json', '--service', 'web', '--lines', '0'])
    assert.ok(child.stdout)
    const seen: LogLine[] = []
    const lines = createInterface(child.stdout)
    const three = new Promise<void>(resolve => {
      lines.on('line', line => {
        if (seen.push(JSON.parse(line)) === 3) resolve()
      })
    })
    // It follows when it shows the first line; asked again until then.
    while (seen.length === 0) await site.ask(HOST, '/print?lines=1&word=first')
    await site.ask(HOST, '/print?lines=2&word=then')
    await three
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    assert.equal(code, 130)
    assert.ok(seen.every(({ labels }) => labels.service === 'web'))
    const { counters, services } = await site.status()
    assert.ok(counters && counters.requests > 0 && counters.errors === 0 && counters.latency.p99 >= counters.latency.p50)
    assert.ok(services.every(service => service.group?.instances.every(({ memoryBytes = 0 }) => memoryBytes > 1_000_000)))
  })

  test('[classroom7-10] have their logs rotated without losing a line', async () => {
    const count = 150_000
    await site.must(['scale', 'web=1'])
    await site.ask(HOST, `/print?lines=${count}&word=${'x'.repeat(60)}`)
    const { name = '' } = (await site.status()).services.find(service => service.name === 'web')?.group ?? {}
    const folder = join(site.paths.units, 'groups', name, '0')
    while (!(await readdir(folder)).some(file => /^log\.\d+\.zst$/.test(file))) await site.status()
    const { stdout } = await site.run(['logs', '--service', 'web', '--lines', '1000000', '--json'])
    const numbers = stdout.split('\n').flatMap(line => (line.includes('xxx') ? [Number(JSON.parse(line).text.split(' ')[1])] : []))
    assert.equal(numbers.length, count)
    assert.ok(numbers.every((number, index) => number === index + 1))
    const { size, blocks } = statSync(join(folder, 'log'))
    assert.ok(blocks * 512 < size, 'what is in a segment takes no place in the file any more')
  })

  test('[classroom7-18] and have all died at once, as in a crash of the machine, are back when the agent is started, with their data', async () => {
    await writeFile(join(await dataFolder(), 'kept'), 'by all means')
    const address = await site.address()
    for (let all = processesOf(site.home); all.length > 0; all = processesOf(site.home)) all.forEach(kill)
    assert.equal((await site.run(['status'])).code, 14)
    const started = await site.run(['agent', 'start'])
    assert.equal(started.code, 0, started.stderr + readFileSync(site.paths.agentLog, 'utf8'))
    const status = await site.until(isReady)
    assert.equal(await site.address(), address, 'the address is the same')
    assert.equal((await site.ask(HOST)).status, 200)
    assert.equal(readFileSync(join(status.stores[0]?.path ?? '', 'kept'), 'utf8'), 'by all means')
    const beats = readFileSync(join(status.stores[0]?.path ?? '', 'beats'), 'utf8')
    assert.ok(!beats.includes('met'))
  })

  test('are stopped, answered for with 503, and started again on the same data; taken down, nothing is left but data and backups', async () => {
    const folder = await dataFolder()
    await site.must(['backup'])
    await site.must(['stop'])
    const refused = await site.ask(HOST)
    assert.equal(refused.status, 503)
    assert.equal((await site.status()).state, 'stopped')
    await site.must(['up'])
    assert.equal((await site.ask(HOST)).status, 200)
    assert.equal(await dataFolder(), folder)
    const asked = await site.operate(['down'])
    assert.deepEqual([asked.code, asked.error?.code], [5, 'REFUSED'], 'without a terminal it must be agreed to')
    await site.must(['backup'])
    await site.must(['down'])
    assert.equal((await site.ask(HOST)).status, 404)
    assert.deepEqual(await readdir(site.paths.artifacts('workshop', 'production')).catch(() => []), [])
    assert.ok(statSync(join(folder, 'kept')).isFile())
    assert.ok((await snapshots()).some(({ label }) => label === 'by hand'))
    const { releases } = await site.look<{ releases: ReleaseView[] }>(['releases'])
    assert.deepEqual(
      releases.map(({ serving, state }) => ({ serving, state })),
      [{ serving: false, state: 'gone' }],
    )
    const { state, why, release, deployedAt } = await site.status()
    assert.deepEqual([state, why, release, deployedAt], ['stopped', 'taken down; its data and backups stayed', undefined, undefined])
    for (const command of [['restore', 'newest', '--yes'], ['rollback'], ['restart'], ['test'], ['run', 'true']]) {
      const { plan, error } = await site.operate(command)
      assert.deepEqual([plan, error?.code], [undefined, 'NOT_FOUND'], command.join(' '))
      assert.match(`${error?.message} ${error?.hint}`, /was taken down.*`fettle deploy production`/)
    }
    const drill = await site.must(['drill'])
    assert.match(drill.plan.lines.map(({ text }) => text).join(), /stops at "content equal": .*was taken down/)
    await setVersion(99)
    await site.must(['deploy'])
    assert.equal(await dataFolder(), folder)
    assert.equal(instances(await site.status()).length, 2, 'what was scaled went with it')
  })
})

/** It may have ended since it was listed. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
