/** What a deploy costs up to its switch, rehearsal included, beyond what the app itself takes to be built, migrated and started. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OperationRecord } from '../src/core/plan.ts'
import { DEFAULT_UPTIME_MS } from '../src/core/spec/derived.ts'
import { assembleGuestbook } from '../test/helpers/guestbook.ts'
import { type Installation, openInstallation } from '../test/helpers/installation.ts'
import { atMost, median, type Row, shown } from './row.ts'

/** On the copy twice, on the live data once. */
const MIGRATIONS = 3
/** The new release and the old one on the copy, the new one on the live data. */
const STARTS = 3

const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function run(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`)
}

async function start(cwd: string, env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  const child = spawn('node', ['server.js'], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}

/** The same work by hand, in a folder of its own. */
async function ownMs({ app, folder }: Installation): Promise<number> {
  const copy = join(folder, 'by-hand')
  await cp(app, join(copy, 'app'), { recursive: true })
  await mkdir(join(copy, 'uploads'))
  const env = { DATABASE: join(copy, 'guestbook.db'), UPLOADS: join(copy, 'uploads'), PORT: '0' }
  const build = await timeOf(() => run('npm', ['ci'], join(copy, 'app'), env))
  const migrate = await timeOf(() => run('node', ['migrate.js'], join(copy, 'app'), env))
  let stop = async () => {}
  const started = await timeOf(async () => {
    stop = await start(join(copy, 'app'), env)
  })
  await stop()
  await rm(copy, { recursive: true })
  return build + MIGRATIONS * migrate + STARTS * started + DEFAULT_UPTIME_MS // of the digest, which has no check
}

function untilSwitchMs({ createdAt, steps }: OperationRecord): number {
  const end = steps.find(step => step.id === 'switch')?.endedAt
  if (end === undefined) throw new Error('the deploy did not switch')
  return end - createdAt
}

/** Where the time goes: the median of each step that took the longest. */
function longest(operations: OperationRecord[]): string {
  const times = new Map<string, number[]>()
  for (const { id, startedAt, endedAt } of operations.flatMap(operation => operation.steps)) {
    if (startedAt !== undefined && endedAt !== undefined) times.set(id, [...(times.get(id) ?? []), endedAt - startedAt])
  }
  const sorted = [...times].map(([id, all]) => [id, median(all)] as const).toSorted((a, b) => b[1] - a[1])
  return sorted
    .slice(0, 8)
    .map(([id, ms]) => `${id} ${ms}`)
    .join(', ')
}

export async function benchDeploy(rounds = 5): Promise<Row[]> {
  const installation = await openInstallation(into => assembleGuestbook('v1', into))
  try {
    await installation.must(['deploy'])
    await assembleGuestbook('v2', installation.app)
    const own: number[] = []
    const operations: OperationRecord[] = []
    for (let round = 0; round < rounds; round++) {
      await writeFile(join(installation.app, 'round.txt'), String(round))
      own.push(await ownMs(installation))
      operations.push((await installation.must(['deploy'])).operation)
    }
    const whole = operations.map(untilSwitchMs)
    const detail = `in all ${median(whole).toFixed(0)} ms, the app's own ${median(own).toFixed(0)} ms`
    return [
      atMost(`deploy to its pivot, beyond the app's own work (${detail})`, median(whole) - median(own), 1000, 'ms'),
      shown('  its longest steps, ms', longest(operations)),
    ]
  } finally {
    await installation.close()
  }
}
