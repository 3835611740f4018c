/** A home of fettle driven by the real program from outside, as a person does. `close` ends all that it started. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { About, EnvironmentStatus } from '../../src/api/views.ts'
import type { ErrorJson } from '../../src/core/errors.ts'
import { type Layout, layout } from '../../src/core/layout.ts'
import type { OperationRecord, Plan } from '../../src/core/plan.ts'
import { readIfThere } from '../../src/lib/proc-files.ts'
import { type Asked, ask, type Reply } from './http.ts'
import { processesOf } from './process-runtime.ts'

const program = join(import.meta.dirname, '../../fettle')

const LAST_MOMENTS_MS = 15_000

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Operated extends Ended {
  plan: Plan
  /** As it ended; undefined when it was not begun. */
  operation: OperationRecord | undefined
  /** Why it was not begun, or why it failed. */
  error: ErrorJson | undefined
}

export interface RunOptions {
  /** Default: the folder of the app. */
  cwd?: string
  stdin?: string | Uint8Array
  env?: NodeJS.ProcessEnv
}

export class Installation {
  readonly folder: string
  readonly home: string
  readonly paths: Layout
  /** Where the app's fettle.yaml is; assembled by the test. */
  readonly app: string

  constructor(folder: string) {
    this.folder = folder
    this.home = join(folder, 'home')
    this.paths = layout(this.home)
    this.app = join(folder, 'app')
  }

  /** The program with its own environment, and that of the machine for what it builds with npm. */
  start(args: string[], { cwd = this.app, env, output = 'pipe' }: RunOptions & { output?: number | 'pipe' } = {}): ChildProcess {
    const own = Object.entries(process.env).filter(([name]) => !/^(FETTLE_|NODE_TEST|NODE_OPTIONS)/.test(name))
    const child = spawn(program, args, {
      cwd,
      stdio: ['pipe', output, output],
      env: { ...Object.fromEntries(own), FETTLE_HOME: this.home, NO_COLOR: '1', ...env },
    })
    child.stdin?.on('error', () => {}) // it need not read what it is given
    return child
  }

  async run(args: string[], options: RunOptions = {}): Promise<Ended> {
    const child = this.start(args, options)
    child.stdin?.end(options.stdin ?? '')
    assert.ok(child.stdout && child.stderr)
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code, stdout, stderr }
  }

  /** What a command that looks answers. */
  async look<Answer>(args: string[], options: RunOptions = {}): Promise<Answer> {
    const { code, stdout, stderr } = await this.run([...args, '--json'], options)
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout) as Answer
  }

  /** A command that changes the world, whatever comes of it. */
  async operate(args: string[], options: RunOptions = {}): Promise<Operated> {
    const ended = await this.run([...args, '--json'], options)
    const lines = ended.stdout.split('\n').filter(line => line !== '')
    const records = lines.map(line => JSON.parse(line) as Record<string, unknown>)
    const plan = records.find(({ type }) => type === 'plan')?.plan as Plan
    const operation = records.find(({ type }) => type === 'result')?.operation as OperationRecord | undefined
    const refusal = records.find(record => 'code' in record && 'message' in record) as unknown as ErrorJson | undefined
    return { ...ended, plan, operation, error: operation?.error ?? refusal }
  }

  /** One that must go well. @returns the operation as it ended, and the plan */
  async must(args: string[], options: RunOptions = {}): Promise<{ operation: OperationRecord; plan: Plan }> {
    const { code, operation, plan, stderr, error } = await this.operate([...args, '--yes'], options)
    assert.equal(code, 0, `fettle ${args.join(' ')}: ${error?.message ?? stderr}`)
    assert.ok(operation)
    return { operation, plan }
  }

  /** Changes a file of the app. */
  async edit(name: string, change: (text: string) => string): Promise<void> {
    const path = join(this.app, name)
    const before = await readFile(path, 'utf8')
    const after = change(before)
    assert.notEqual(after, before, `${name} is changed`)
    await writeFile(path, after)
  }

  async operation(id: string): Promise<OperationRecord> {
    return this.look<OperationRecord>(['operations', 'show', id])
  }

  async address(): Promise<string> {
    return (await this.look<About>(['agent', 'status'])).address
  }

  async ask(host: string, path = '/', asked: Asked = {}): Promise<Reply> {
    return ask(await this.address(), { host, path, ...asked })
  }

  async status(environment = 'production'): Promise<EnvironmentStatus> {
    const { environments } = await this.look<{ environments: EnvironmentStatus[] }>(['status', environment])
    assert.ok(environments[0], `${environment} was never deployed`)
    return environments[0]
  }

  /** Asks for the status until it is as wanted. */
  async until(isIt: (status: EnvironmentStatus) => boolean, environment = 'production'): Promise<EnvironmentStatus> {
    for (;;) {
      const status = await this.status(environment)
      if (isIt(status)) return status
      await delay(20)
    }
  }

  /** Ends everything. What is left after that is ended too, and is a failure. */
  async close(): Promise<void> {
    const { stderr } = await this.run(['agent', 'stop', '--everything', '--yes'], { cwd: this.folder })
    const left = await this.#leftovers()
    const names = left.map(pid => `${pid}: ${readIfThere(`/proc/${pid}/cmdline`)?.toString().replaceAll('\0', ' ')}`)
    for (const pid of left) process.kill(pid, 'SIGKILL')
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 })
    assert.deepEqual(names, [], `processes are left: ${stderr}`)
  }

  /** What does not end by itself: the agent answers that it ends before it does. */
  async #leftovers(): Promise<number[]> {
    const deadline = performance.now() + LAST_MOMENTS_MS
    for (;;) {
      const left = processesOf(this.home)
      if (left.length === 0 || performance.now() > deadline) return left
      await delay(20)
    }
  }
}

/** Files that run side by side each have ports of their own. */
const portsOf = (pid: number): { from: number; to: number } => {
  const from = 20_000 + (pid % 100) * 100
  return { from, to: from + 99 }
}

/** To be closed after the tests, whatever became of them. @param assemble puts the app into a folder */
export async function openInstallation(assemble: (into: string) => Promise<void>): Promise<Installation> {
  const installation = new Installation(await mkdtemp(join(tmpdir(), 'fettle-e2e-')))
  await mkdir(installation.paths.agent, { recursive: true, mode: 0o700 })
  const settings = { format: 1, http: { host: '127.0.0.1', port: 0 }, ports: portsOf(process.pid) }
  await writeFile(installation.paths.settings, JSON.stringify(settings), { mode: 0o600 })
  await assemble(installation.app)
  return installation
}
