/** One home with one app in it, an agent that can be told where to die, and load on what it serves. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, createClient } from '../../src/api/client.ts'
import type { Request } from '../../src/api/contract.ts'
import type { EnvironmentStatus } from '../../src/api/views.ts'
import { layout } from '../../src/core/layout.ts'
import { isOver, type OperationRecord } from '../../src/core/plan.ts'
import { signalProcess } from '../../src/drivers/runtimes/process/unit-stop.ts'
import type { RouteTable } from '../../src/ports/proxy.ts'
import { copyAsVersion } from './bundle.ts'
import { processesOf } from './leftovers.ts'
import { Load } from './load.ts'

export type OperationRequest = Request<'start'>['request']
/** What a version of the app does wrong when it is live. */
export type Sickness = 'web' | 'beat'

const APP = 'ledger'
const ENVIRONMENT = 'production'

export interface SiteOptions {
  /** Folder of agent.js. */
  bundle: string
  /** Short: it is part of the path of unix sockets. */
  folder: string
  /** Of the services. */
  ports: { from: number; to: number }
}

/** What fettle.yaml says where scenarios differ. */
export interface Spec {
  build: string
  buildWithin: string
  /** Folder of the repository. */
  repository: string
  trial: string
  keep: number
}

export class Site {
  readonly folder: string
  readonly home: string
  readonly file: string
  readonly paths: ReturnType<typeof layout>
  readonly client: Client
  readonly #options: SiteOptions
  #agent: { child: ChildProcess; ended: Promise<unknown>; log: string } | undefined
  #load: Load | undefined
  /** Version that serves, and of each release. */
  version = 0
  readonly versions = new Map<string, number>()
  readonly spec: Spec = { build: 'cp version.json built.json', buildWithin: '1h', repository: 'backups', trial: '200ms', keep: 4 }
  #newest = 0

  constructor(options: SiteOptions) {
    this.#options = options
    this.folder = options.folder
    this.home = join(options.folder, 'h')
    this.file = join(options.folder, 'app', 'fettle.yaml')
    this.paths = layout(this.home)
    this.client = createClient(this.paths.socket)
  }

  get load(): Load {
    if (this.#load === undefined) throw new Error('there is no load yet')
    return this.#load
  }

  /** What the agents said so far. */
  get log(): string {
    return this.#agent?.log ?? ''
  }

  get agentPid(): number | undefined {
    return this.#agent?.child.pid
  }

  /** Two releases, a snapshot, and clients. */
  async open(): Promise<void> {
    await mkdir(this.paths.agent, { recursive: true, mode: 0o700 })
    await mkdir(join(this.folder, 'crash'))
    await cp(join(import.meta.dirname, 'app'), join(this.folder, 'app'), { recursive: true })
    const settings = { format: 1, http: { host: '127.0.0.1', port: 0 }, ports: this.#options.ports }
    await writeFile(this.paths.settings, JSON.stringify(settings))
    await this.arm('')
    await this.startAgent()
    await this.nextSource()
    await this.client.call('setSecret', { file: this.file, name: 'TOKEN', value: 'the token' })
    await this.mustDo({ kind: 'deploy', file: this.file })
    this.#load = new Load((await this.client.call('about', {})).address)
    this.load.declared.add(1)
  }

  /** The source of the next version. @returns its number */
  async nextSource(sick?: Sickness): Promise<number> {
    const version = ++this.#newest
    await writeFile(join(this.folder, 'app', 'version.json'), JSON.stringify({ version, sick }))
    await writeFile(this.file, this.#text(sick))
    return version
  }

  #text(sick: Sickness | undefined): string {
    const { build, buildWithin, repository, trial, keep } = this.spec
    return `app: ${APP}
build: ${JSON.stringify(build)}
build-within: ${buildWithin}
services:
  web:
    run: node server.js
    instances: 2
    env: { DATABASE: "\${stores.data.path}", UPLOADS: "\${stores.uploads.path}", TOKEN: "\${secrets.TOKEN}", OVERLAPS: "${this.overlaps}" }
    ready: { http: /health, within: 60s }
    stop: { drain: 20s }
  beat:
    run: node beat.js
    env: { DATABASE: "\${stores.data.path}", OVERLAPS: "${this.overlaps}" }
    ready: { ${sick === 'beat' ? 'command: "false", within: 1s' : 'uptime: 30ms, within: 60s'} }
    singleton: true
    in-drills: false
stores:
  data: { sqlite: ledger.db }
  uploads: { files: . }
secrets: [TOKEN]
routes: [{ host: ledger.test, to: web }]
release:
  migrate: node migrate.js
  test: [{ http: / }]
  keep: 3
  bake: { for: ${trial}, latency: 1000 } # a busy machine is slow, and no reason to return
backups:
  keep: { last: ${keep} }
  repository: { directory: ${repository} }
  drill: { expect: [{ store: data, sql: select count(*) from levels, at-least: 1 }] }
`
  }

  get repository(): string {
    return resolve(this.home, this.spec.repository)
  }

  /** Two of something that may never be twice write a line here. */
  get overlaps(): string {
    return join(this.folder, 'overlaps')
  }

  /** Points passed from now on are counted anew; the agent dies at the one that is named, or at the third: `+3`. */
  async arm(point: string): Promise<void> {
    await writeFile(join(this.folder, 'crash', 'log'), '')
    await writeFile(join(this.folder, 'crash', 'at'), point)
  }

  async passedPoints(): Promise<string[]> {
    return (await readFile(join(this.folder, 'crash', 'log'), 'utf8')).split('\n').slice(0, -1)
  }

  /** All points, once the last operation is over and cleared up behind: what is armed from then on meets nothing of it. */
  async passedToTheEnd(): Promise<string[]> {
    await this.settled()
    for (;;) {
      const passed = await this.passedPoints()
      const ofOperations = passed.filter(point => !/^(runtime|proxy|repository)\//.test(point))
      if (/\/swept(#\d+)?$/.test(ofOperations.at(-1) ?? '')) return passed
      await delay(10)
    }
  }

  /** @param bundle of another version */
  async startAgent(bundle = this.#options.bundle): Promise<void> {
    const child = spawn(process.execPath, [join(bundle, 'agent.js'), '--home', this.home], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, FETTLE_CRASH: join(this.folder, 'crash') },
    })
    const before = this.log
    const agent = { child, ended: once(child, 'exit'), log: before }
    this.#agent = agent
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', chunk => {
        agent.log += chunk
        if (/ serves .*\n/.test(agent.log.slice(before.length))) resolve()
      })
      child.once('exit', () => reject(new Error(`the agent did not start:\n${agent.log}`)))
    })
  }

  /** The same agent as another version, in a folder of its own. */
  otherVersion(version: string): Promise<string> {
    return copyAsVersion(this.#options.bundle, join(this.folder, `fettle-${version}`), version)
  }

  /** Resolves when the agent that runs now is dead. */
  async agentDied(): Promise<void> {
    await this.#agent?.ended
  }

  /** Whether it died at a point, in place of ending by itself. */
  get agentWasKilled(): boolean {
    return this.#agent?.child.signalCode === 'SIGKILL'
  }

  async stopAgent(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#agent?.child.kill(signal)
    await this.agentDied()
  }

  /** Starts it; undefined when the agent died before it said that it began. */
  async begin(request: OperationRequest): Promise<OperationRecord | undefined> {
    try {
      return await this.client.call('start', { request })
    } catch (error) {
      if ((error as { code?: string }).code === 'AGENT_UNREACHABLE') return undefined
      throw error
    }
  }

  /** @throws when it does not end as done */
  async mustDo(request: OperationRequest): Promise<OperationRecord> {
    const begun = await this.begin(request)
    if (begun === undefined) throw new Error(`the agent is gone:\n${this.log}`)
    await this.passedToTheEnd()
    const ended = await this.client.call('operation', { id: begun.id })
    if (ended.state !== 'done' || ended.error !== undefined)
      throw new Error(`${request.kind}: ${ended.state}, ${JSON.stringify(ended.error)}`)
    await this.refresh()
    return ended
  }

  /** Waits until no operation is open, those that others brought about included. */
  async settled(): Promise<void> {
    for (;;) {
      const operations = await this.operations()
      const open = operations.find(operation => !isOver(operation.state))
      if (open === undefined && !operations.some(operation => lacksBake(operation, operations))) return
      if (open === undefined) await delay(5)
      else for await (const event of this.client.stream('events', { id: open.id, after: 0, follow: true })) void event
    }
  }

  async operations(): Promise<OperationRecord[]> {
    return (await this.client.call('operations', { limit: 10 })).operations
  }

  /** Learns which version serves, and as which release. */
  async refresh(): Promise<void> {
    const { release, artifact } = await this.release()
    const built = await readFile(join(this.paths.artifact(APP, ENVIRONMENT, artifact.key), 'built.json'), 'utf8')
    this.version = (JSON.parse(built) as { version: number }).version
    this.versions.set(release, this.version)
  }

  /** The one that serves. */
  async release(): Promise<{ release: string; artifact: { key: string } }> {
    const { release } = await this.table()
    const text = await readFile(join(this.paths.release(APP, ENVIRONMENT, release), 'release.json'), 'utf8')
    const { artifact } = JSON.parse(text) as { artifact: { key: string } }
    return { release, artifact }
  }

  async table(): Promise<RouteTable> {
    return JSON.parse(await readFile(join(this.paths.front, 'tables', APP, `${ENVIRONMENT}.json`), 'utf8')) as RouteTable
  }

  async releases(): Promise<string[]> {
    return (await readdir(this.paths.releases(APP, ENVIRONMENT))).sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)))
  }

  async status(): Promise<EnvironmentStatus | undefined> {
    return (await this.client.call('status', { app: APP })).environments[0]
  }

  /** Ends all that runs, as a person would. @throws when something is left */
  async close(): Promise<void> {
    await this.#load?.stop()
    await this.client.call('shutdown', { everything: true })
    await this.agentDied()
    const left = processesOf(this.home)
    await this.destroy()
    if (left.length > 0) throw new Error(`left behind: ${left.map(({ command }) => command.join(' ')).join(', ')}`)
  }

  /** Ends all that runs, whatever state it is in. */
  async destroy(): Promise<void> {
    await this.#load?.stop()
    for (let left = processesOf(this.home); left.length > 0; left = processesOf(this.home)) {
      for (const { pid } of left) signalProcess(pid, 'SIGKILL')
      await delay(20)
    }
  }
}

/** A deploy that is done is on trial, or over with that. */
const lacksBake = ({ id, plan, state }: OperationRecord, all: OperationRecord[]): boolean =>
  plan.kind === 'deploy' &&
  state === 'done' &&
  plan.steps.some(step => step.id === 'retire') &&
  !all.some(other => other.plan.parent === id)
