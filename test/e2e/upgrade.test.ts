/** The agent is replaced by another build while something goes on that it began. Two builds: this one, and a copy under another version. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { About } from '../../src/api/views.ts'
import type { OperationRecord } from '../../src/core/plan.ts'
import { copyAsVersion, copyBundle } from '../crash/bundle.ts'
import { assembleGuestbook } from '../helpers/guestbook.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { Load } from '../helpers/load.ts'
import { processesOf } from '../helpers/process-runtime.ts'

const HOST = 'guestbook.localhost'

let site: Installation
/** Path of each build's command line, in the order in which they are installed. */
let builds: string[] = []

before(async () => {
  site = await openInstallation(into => assembleGuestbook('v1', into))
  const first = await copyBundle(join(site.folder, 'builds/first'))
  const later = ['8.8.8', '9.9.9'].map(version => copyAsVersion(first, join(site.folder, 'builds', `build-${version}`), version))
  builds = [first, ...(await Promise.all(later))].map(folder => join(folder, 'main.js'))
  const { code, stderr } = await fettle(0, 'deploy', '--yes')
  assert.equal(code, 0, stderr)
})
after(() => site.close())

function start(build: number, ...args: string[]): ChildProcess {
  const env = { ...process.env, FETTLE_HOME: site.home, NO_COLOR: '1' }
  return spawn(process.execPath, [builds[build] ?? '', ...args], { cwd: site.app, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function ended(child: ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  assert.ok(child.stdout && child.stderr)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

const fettle = (build: number, ...args: string[]) => ended(start(build, ...args))

async function look<Answer>(build: number, ...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await fettle(build, ...args, '--json')
  assert.equal(code, 0, `${stdout}${stderr}`)
  return JSON.parse(stdout) as Answer
}

/** Reads and writes all the time, by clients that never retry. */
async function loadOn(build: number): Promise<Load> {
  const { address } = await look<About>(build, 'agent', 'status')
  const body = JSON.stringify({ author: 'Ada', text: 'hello' })
  return new Load(address, [
    { request: () => ({ host: HOST }) },
    { request: () => ({ host: HOST, method: 'POST', path: '/entries', body, headers: { 'content-type': 'application/json' } }) },
  ])
}

async function until(isIt: () => Promise<boolean>): Promise<void> {
  while (!(await isIt())) await delay(5)
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** The last line of a command that was followed with --json. */
function resultOf(stdout: string): OperationRecord {
  const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { operation: OperationRecord }
  return last.operation
}

test('upgraded in the middle of a long build and under load, the same deploy is finished by the new agent, and no request is lost', async () => {
  const file = join(site.app, 'fettle.yaml')
  const [begun, go] = [join(site.folder, 'begun'), join(site.folder, 'go')]
  const spec = await readFile(file, 'utf8')
  await writeFile(file, spec.replace('build: npm ci', `build: touch ${begun} && while [ ! -e ${go} ]; do sleep 0.05; done`))
  const load = await loadOn(0)
  const deploy = start(0, 'deploy', '--yes', '--json')
  const deployed = ended(deploy)
  await until(() => exists(begun))

  const { before, now } = await look<{ before: About; now: About }>(1, 'agent', 'upgrade')
  assert.notEqual(now.pid, before.pid)
  assert.deepEqual([now.version, now.build], ['8.8.8', 'build-8.8.8'])
  await writeFile(go, '')

  const { code, stdout, stderr } = await deployed
  assert.equal(code, 0, stderr)
  const operation = resultOf(stdout)
  const { operations } = await look<{ operations: OperationRecord[] }>(1, 'operations')
  assert.equal(operations.filter(({ plan }) => plan.kind === 'deploy').length, 2, 'no other was begun')
  assert.equal(operation.state, 'done')
  const { sent, failures } = await load.stop()
  assert.deepEqual(failures, [])
  assert.ok(sent > 0)
  const front = await readFile(join(site.home, 'front/program'), 'utf8')
  assert.match(front, /versions\/build-8\.8\.8\//, 'the front is of the new build too')
})

test('upgraded in the middle of a data task, the same backup is finished with what the task gave', async () => {
  // Enough that its worker is seen at work, and stopped there until the agent is another one.
  await writeFile(join(site.paths.live, 'guestbook/production', await uploads(), 'large'), randomBytes(32 << 20))
  const backup = ended(start(1, 'backup', '--yes', '--json'))
  let worker = 0
  await until(async () => {
    for (const pid of processesOf(site.home)) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      if (/^[^\0]*node\0.*worker\.js\0/.test(line)) worker = pid
    }
    return worker !== 0
  })
  process.kill(worker, 'SIGSTOP')

  const { now } = await look<{ now: About }>(2, 'agent', 'upgrade')
  assert.equal(now.version, '9.9.9')
  assert.match(await readFile(`/proc/${worker}/cmdline`, 'utf8'), /versions\/build-8\.8\.8\//)
  process.kill(worker, 'SIGCONT')

  const { code, stdout, stderr } = await backup
  assert.equal(code, 0, stderr)
  const operation = resultOf(stdout)
  assert.deepEqual([operation.plan.kind, operation.state], ['backup', 'done'])
})

test('an agent of the same build is left alone; what differs is told with the command that mends it', async () => {
  const before = await look<About>(2, 'agent', 'status')
  const { now } = await look<{ now: About }>(2, 'agent', 'upgrade')
  assert.equal(now.pid, before.pid)
  const { stderr } = await fettle(0, 'status')
  assert.match(stderr, /the agent is fettle 9\.9\.9, this is fettle .* → update this one/)
})

test('an upgrade whose agent does not start is taken back: the one before serves again, also after a reboot, and no request is lost', async () => {
  const before = await look<About>(2, 'agent', 'status')
  const broken = await copyAsVersion(dirname(builds[0] ?? ''), join(site.folder, 'builds/broken'), '10.0.0')
  await writeFile(join(broken, 'agent.js'), "throw new Error('a module is missing')\n")
  builds.push(join(broken, 'main.js'))
  const over = async () =>
    (await look<{ operations: OperationRecord[] }>(2, 'operations')).operations.filter(({ state }) => state !== 'running')
  const operations = await over()
  const load = await loadOn(2)
  const { code, stderr } = await fettle(3, 'agent', 'upgrade')
  const { failures } = await load.stop()
  assert.deepEqual([code, failures], [5, []])
  assert.match(stderr, /the new agent does not start; the one before, 9\.9\.9, runs again/)
  const now = await look<About>(2, 'agent', 'status')
  assert.equal(now.build, before.build)
  assert.notEqual(now.pid, before.pid)
  assert.equal(await readlink(join(site.home, 'versions/current')), before.build)
  assert.deepEqual(await over(), operations)
})

/** The folder of the store, which bears the operation that made it. */
async function uploads(): Promise<string> {
  const [made] = await readdir(join(site.paths.live, 'guestbook/production/uploads'))
  return join('uploads', made ?? '')
}
