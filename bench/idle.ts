/** What fettle costs while nothing happens: ten services that sleep, so that all that is counted is what watches them. PM2 and a bare Node beside it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { About } from '../src/api/views.ts'
import { openInstallation } from '../test/helpers/installation.ts'
import { processesOf } from '../test/helpers/process-runtime.ts'
import { cpuMsOf, memoryOf, nameOf } from './processes.ts'
import { atMost, type Row, shown, skipped } from './row.ts'

const SERVICES = Array.from({ length: 10 }, (_, index) => `s${index}`)
const WATCHED_MS = 20_000
/** For what a start left to do: eight seconds after the last of its work V8 tidies up the heap, once, for 50 to 100 ms. */
const CALM_MS = 10_000

const FILE = `app: bench
services:
${SERVICES.map(name => `  ${name}: { run: sleep infinity }`).join('\n')}
environments: { production: {} }
`

async function assemble(into: string): Promise<void> {
  await mkdir(into, { recursive: true })
  await writeFile(join(into, 'fettle.yaml'), FILE)
}

interface Cost {
  pssMb: number
  cpuPercent: number
}

async function costOf(pids: () => number[]): Promise<Cost> {
  await delay(CALM_MS)
  const cpuMs = () => pids().reduce((sum, pid) => sum + cpuMsOf(pid), 0)
  const [before, began] = [cpuMs(), performance.now()]
  await delay(WATCHED_MS)
  const cpuPercent = ((cpuMs() - before) / (performance.now() - began)) * 100
  return { pssMb: pids().reduce((sum, pid) => sum + memoryOf(pid).pssMb, 0), cpuPercent }
}

const words = ({ pssMb, cpuPercent }: Cost): string => `${pssMb.toFixed(0)} MiB, ${cpuPercent.toFixed(2)} % of a core`

async function fettleRows(): Promise<Row[]> {
  const installation = await openInstallation(assemble)
  try {
    await installation.must(['deploy'])
    const own = () => processesOf(installation.home).filter(pid => nameOf(pid) !== 'sleep')
    const { pid } = await installation.look<About>(['agent', 'status'])
    const cost = await costOf(own)
    return [
      atMost(`10 idle services: agent, front and ${own().length - 2} shims, PSS`, cost.pssMb, 150, 'MiB'),
      atMost('  the agent alone, after a deploy, RSS', memoryOf(pid).rssMb, 80, 'MiB'),
      atMost(`  of a core, over ${WATCHED_MS / 1000} s`, cost.cpuPercent, 0.5, '%'),
    ]
  } finally {
    await installation.close()
  }
}

async function bareRow(): Promise<Row> {
  const script = "require('node:http').createServer().listen(0, '127.0.0.1', () => console.log('up'))"
  const child: ChildProcess = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.stdout === null || child.pid === undefined) throw new Error('a bare Node did not start')
  await once(child.stdout, 'data')
  const { rssMb, pssMb } = memoryOf(child.pid)
  child.kill()
  return shown('  beside it: a bare HTTP server on this Node', `RSS ${rssMb.toFixed(0)} MiB, PSS ${pssMb.toFixed(0)} MiB`)
}

/** From the registry, in a temporary folder, on the same Node. */
async function pm2Row(): Promise<Row> {
  const what = '  beside it: PM2 with the same services'
  const folder = await mkdtemp(join(tmpdir(), 'fettle-bench-'))
  const env = { ...process.env, PM2_HOME: join(folder, 'home') }
  const run = (program: string, ...args: string[]) => promisify(execFile)(program, args, { cwd: folder, env })
  const pm2 = join(folder, 'node_modules/pm2/bin/pm2')
  try {
    await writeFile(join(folder, 'package.json'), '{}')
    const isThere = await run('npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', 'pm2@6').catch(() => undefined)
    if (isThere === undefined) return skipped(what, 'npm could not bring it')
    const apps = SERVICES.map(name => ({ name, script: '/bin/sleep', args: 'infinity', interpreter: 'none' }))
    await writeFile(join(folder, 'apps.json'), JSON.stringify({ apps }))
    await run(process.execPath, pm2, 'start', 'apps.json')
    const own = () => processesOf(folder).filter(pid => nameOf(pid) !== 'sleep')
    return shown(what, words(await costOf(own)))
  } finally {
    await run(process.execPath, pm2, 'kill').catch(() => undefined)
    await rm(folder, { recursive: true, force: true })
  }
}

export async function benchIdle(): Promise<Row[]> {
  return [...(await fettleRows()), await bareRow(), await pm2Row()]
}
