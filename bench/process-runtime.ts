/**
 * What the process runtime costs: starts, restarts, memory, adoption, logs. Each figure beside a bare one of the same run, since
 * other work on the machine changes both.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProcessRuntime } from '../src/drivers/runtimes/process/index.ts'
import { systemClock } from '../src/lib/clock.ts'
import type { Group, Runtime } from '../src/ports/runtime.ts'

const ROUNDS = Number(process.argv[2] ?? 15)
const never = new AbortController().signal
const labels = { app: 'bench', environment: 'bench', service: 'web' }
const script = `require('node:http').createServer((_, a) => a.end('ok')).listen(process.env.PORT, '127.0.0.1')`

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const show = (what: string, value: string) => console.log(`${what.padEnd(58)} ${value}`)
const ms = (value: number) => `${value.toFixed(1)} ms`

/** Asks again at once until it answers. */
async function untilAnswer(port: number): Promise<void> {
  for (;;) {
    const answered = await new Promise<boolean>(resolve => {
      request({ host: '127.0.0.1', port, agent: false }, response => response.resume().on('end', () => resolve(true)))
        .on('error', () => resolve(false))
        .end()
    })
    if (answered) return
  }
}

async function bareStart(port: number): Promise<number> {
  const begin = performance.now()
  const child: ChildProcess = spawn(process.execPath, ['-e', script], { env: { PORT: String(port) }, stdio: 'ignore' })
  await untilAnswer(port)
  const took = performance.now() - begin
  child.kill('SIGKILL')
  await once(child, 'exit')
  return took
}

const group = (name: string, changes: Partial<Group> = {}): Group => ({
  name,
  labels,
  argv: [process.execPath, '-e', script],
  cwd: tmpdir(),
  env: {},
  instances: 1,
  port: true,
  ready: { http: '/', within: 20_000 },
  stop: { signal: 'SIGTERM', drainMs: 1000 },
  limits: {},
  ...changes,
})

async function restarts(runtime: Runtime): Promise<void> {
  await runtime.apply(group('restarts'), never)
  const [backend] = await runtime.ready('restarts', never)
  if (backend?.kind !== 'tcp') throw new Error('a tcp backend is expected')
  const [bare, killed]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await bareStart(29_999))
    const { pid = 0 } = (await runtime.groups({}))[0]?.instances[0] ?? {}
    const begin = performance.now()
    process.kill(pid, 'SIGKILL')
    await untilAnswer(backend.port)
    killed.push(performance.now() - begin)
    await runtime.ready('restarts', never)
  }
  show('an app started bare, until it answers', ms(median(bare)))
  show('kill -9 until the next answer', `${ms(median(killed))} = ${ms(median(killed) - median(bare))} beyond its own start`)
  await runtime.remove('restarts', never)
}

async function starts(runtime: Runtime): Promise<void> {
  const [bare, run]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    let begin = performance.now()
    await once(spawn('true', { stdio: 'ignore' }), 'exit')
    bare.push(performance.now() - begin)
    begin = performance.now()
    await runtime.run({ name: `true-${round}`, labels, argv: ['true'], cwd: '/', env: {} }, never)
    run.push(performance.now() - begin)
    await runtime.forget(`true-${round}`)
  }
  show('`true` spawned bare / as a command with its result', `${ms(median(bare))} / ${ms(median(run))}`)
}

async function idle(runtime: Runtime, home: string, reopen: () => Promise<number>): Promise<void> {
  await runtime.apply(group('idle', { instances: 10, argv: ['sleep', '1000'], port: false, ready: { uptime: 0, within: 5000 } }), never)
  await runtime.ready('idle', never)
  const sizes = Array.from({ length: 10 }, (_, i) => {
    const shim = readFileSync(join(home, `units/groups/idle/${i}/state`), 'utf8').split(' ')[2]
    const kib = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${shim}/smaps_rollup`, 'utf8'))?.[1])
    return { rss: kib('Rss'), pss: kib('Pss') }
  })
  show('memory of a shim, RSS / PSS', `${median(sizes.map(({ rss }) => rss))} / ${median(sizes.map(({ pss }) => pss))} KiB`)
  const before = process.cpuUsage()
  await new Promise(resolve => setTimeout(resolve, 5000))
  const { user, system } = process.cpuUsage(before)
  show('CPU of the runtime with 10 idle units', `${((user + system) / 50_000).toFixed(2)} %`)
  show('a new agent adopts 10 units', ms(await reopen()))
}

async function noticing(runtime: Runtime): Promise<void> {
  const delays: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { pid = 0 } = (await runtime.groups({}))[0]?.instances[0] ?? {}
    const begin = performance.now()
    const told = new Promise<void>(resolve => {
      const stop = runtime.onChange(({ instances }) => {
        if (instances[0]?.pid === pid) return
        stop()
        resolve()
      })
    })
    process.kill(pid, 'SIGKILL')
    await told
    delays.push(performance.now() - begin)
    await runtime.ready('idle', never)
  }
  show('an end noticed by an agent that is not the parent', ms(median(delays)))
  await runtime.remove('idle', never)
}

async function logs(runtime: Runtime): Promise<void> {
  const bytes = 400_000_000
  const line = 'a line of a log, as long as lines of logs are, with some words in it'
  let begin = performance.now()
  await runtime.run({ name: 'talk', labels, argv: ['sh', '-c', `yes '${line}' | head -c ${bytes}`], cwd: '/', env: {} }, never)
  const wrote = performance.now() - begin
  show('an app writes its log while it is rotated', `${(bytes / 1e3 / wrote).toFixed(0)} MB/s`)
  begin = performance.now()
  let lines = 0
  for await (const _ of runtime.logs({}, { follow: false }, never)) lines += 1
  show('lines of it read back', `${lines} (${(lines / (performance.now() - begin)).toFixed(0)} a ms)`)
  if (lines !== Math.ceil(bytes / (line.length + 1))) throw new Error('lines were lost')
  await runtime.forget('talk')
}

async function sandboxes(runtime: Runtime): Promise<void> {
  const [bare, took]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    let begin = performance.now()
    await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit')
    bare.push(performance.now() - begin)
    begin = performance.now()
    await runtime.openSandbox(`s${round}`, { hide: [], write: [], copy: [] }, never)
    took.push(performance.now() - begin)
    await runtime.closeSandbox(`s${round}`)
  }
  show('`node -e 0` / a sandbox opened', `${ms(median(bare))} / ${ms(median(took))}`)
}

const home = await mkdtemp(join(tmpdir(), 'fettle-bench-'))
const open = async () => {
  const runtime = createProcessRuntime({
    home,
    clock: systemClock,
    ports: { from: 28_000, to: 28_100 },
    log: console.error,
    restart: { delays: [0], stableMs: 0 },
    logs: { keepBytes: 1e9 },
  })
  await runtime.open()
  return runtime
}
let runtime = await open()
await starts(runtime)
await restarts(runtime)
await idle(runtime, home, async () => {
  await runtime.close()
  const begin = performance.now()
  runtime = await open()
  return performance.now() - begin
})
await noticing(runtime)
await logs(runtime)
if (runtime.caps.isolation !== 'none') await sandboxes(runtime)
await runtime.close()
await rm(home, { recursive: true })
