/** One function an endpoint: reads the world or hands a plan to the engine. */
import type { About, EnvironmentStatus } from '../api/views.ts'
import { FettleError } from '../core/errors.ts'
import type { OperationRecord } from '../core/plan.ts'
import { isExternal } from '../core/spec/derived.ts'
import type { Engine } from '../engine/engine.ts'
import type { Journal } from '../engine/journal.ts'
import { ownBuild } from '../lib/program-path.ts'
import type { RedactedStream } from '../lib/redact.ts'
import { emptyTable, readEnvironment } from '../operations/environment.ts'
import type { Named } from '../operations/kept.ts'
import { requireKnown } from '../operations/known.ts'
import { makePlan, type PlanRequest } from '../operations/planner.ts'
import { rememberedRepositories } from '../operations/snapshots/repository-record.ts'
import { appIn, readProject, readTarget, requireServing, soundProject, specOf, type TargetRequest } from '../operations/target.ts'
import type { World } from '../operations/world.ts'
import type { RouteTable } from '../ports/proxy.ts'
import { snapshotViews } from './backup-status.ts'
import type { BootEnabler } from './boot.ts'
import { examine } from './doctor.ts'
import { maskedPieces } from './mask.ts'
import { secretHandlers } from './secrets.ts'
import type { Handlers } from './server.ts'
import { rememberEnded } from './serving.ts'
import { environmentStatus, externalStatus, keptStatus, releaseViews, unreadableStatus } from './status.ts'

/** Makes the agent return after a reboot. */
export interface HandlerOptions {
  world: World
  engine: Engine
  journal: Journal
  boot: BootEnabler
  startedAt: number
  maskedStream(app: string, covered: number): RedactedStream
  onShutdown(): void
}

export function handlersOf(options: HandlerOptions): Handlers {
  const { world, engine, journal, boot } = options
  return {
    about: async () => about(options, await world.proxy.address()),
    async status(target) {
      const address = await world.proxy.address()
      const [agent, environments] = await Promise.all([about(options, address), statusOf(options, target, address)])
      return { agent, environments }
    },
    plan: ({ request, basis }) => makePlan(world, request as PlanRequest, basis),
    async start({ request, basis }) {
      const plan = await makePlan(world, request as PlanRequest, basis)
      if (plan.empty)
        throw new FettleError('CONFLICT', plan.lines.map(line => line.text).join('; '), { hint: '`fettle restart` starts it anew.' })
      return engine.start(plan)
    },
    async operations({ limit, ...target }) {
      const operations = journal.list(limit, await namesOf(target))
      if (operations.length === 0) await requireNames(world, target)
      return { operations }
    },
    operation: async ({ id }) => journal.get(id),
    events({ id, after, follow }, signal) {
      journal.get(id)
      return follow ? engine.follow(id, after, signal) : lines(journal.events(id, after))
    },
    mask: ({ id, covered, live }, _signal, bytes) =>
      maskedPieces(options.maskedStream(journal.get(id).plan.app, covered), bytes, { clock: world.clock, live }),
    async cancel({ id, now }) {
      engine.cancel(id, now)
      return journal.get(id)
    },
    resume: async ({ id, direction }) => engine.resume(id, direction),
    releases: async target => ({ releases: await releaseViews(world, await readTarget(world, target)) }),
    async snapshots(target) {
      const environment = await readTarget(world, target)
      return snapshotViews(world, environment, await specOf(world, environment, target))
    },
    logs: (input, signal) => logLines(options, input, signal),
    ...secretHandlers(world),
    async doctor({ app, environment, file }) {
      // A file that lies here is not what is asked about, one machine is.
      const names = environment === undefined ? { app } : await namesOf({ file, app, environment })
      if (names.app !== undefined) await requireKnown(world, names.app, environment)
      return examine(options, names, file === undefined ? undefined : await soundProject({ file, environment }))
    },
    async enable({ enable }) {
      return { how: enable ? await boot.enable() : await boot.disable() }
    },
    async shutdown({ everything }) {
      // First what goes on, or it starts anew what was just ended.
      if (everything) await engine.stop()
      const ended = everything ? await endAll(world) : []
      setImmediate(options.onShutdown)
      return { ended }
    },
  }
}

async function statusOf({ world, engine, journal }: HandlerOptions, target: TargetRequest, address: string): Promise<EnvironmentStatus[]> {
  await engine.settled() // asked for at the end of a deploy, it tells of the trial too
  const [tables, names] = await Promise.all([world.proxy.tables(), namesOf(target)])
  const operations = journal.unended()
  const wanted = [...tables, ...firstDeploys(tables, operations)].filter(table => matches(table, names))
  const environments = await Promise.all(
    wanted.map(table => environmentStatus(world, table, { operations, address, target }).catch(error => unreadableStatus(table, error))),
  )
  const isNew = (one: Named) => !wanted.some(({ app, environment }) => app === one.app && environment === one.environment)
  const kept = target.file === undefined ? (await rememberedRepositories(world)).filter(one => matches(one, names) && isNew(one)) : []
  const all = [...environments, ...(await Promise.all(kept.map(one => keptStatus(world, one, operations))))]
  if (all.length > 0) return all
  const project = target.file === undefined ? undefined : await readProject(target)
  if (project !== undefined && isExternal(project.spec) && Object.keys(project.spec.stores).length > 0)
    return [await externalStatus(world, project, operations)]
  await requireNames(world, target)
  return []
}

/** Where nothing was found: the names mean something all the same. @throws FettleError NOT_FOUND */
async function requireNames(world: World, target: TargetRequest): Promise<void> {
  if (target.app === undefined && target.file !== undefined) await readProject(target)
  else await requireKnown(world, target.app, target.environment)
}

/** Environments that never served, and are on their way to. */
function firstDeploys(tables: RouteTable[], unended: OperationRecord[]): RouteTable[] {
  const open = unended.filter(({ plan }) => plan.kind === 'deploy')
  const isNew = ({ plan }: OperationRecord) => !tables.some(({ app, environment }) => app === plan.app && environment === plan.environment)
  return open.filter(isNew).map(({ plan }) => emptyTable(plan.app, plan.environment))
}

async function about({ world, boot, startedAt }: HandlerOptions, address: string): Promise<About> {
  const enabled = await boot.state()
  return {
    version: world.version,
    build: ownBuild(),
    pid: process.pid,
    home: world.layout.home,
    startedAt,
    memoryBytes: process.memoryUsage.rss(),
    address,
    ...(enabled === undefined ? {} : { enabled }),
    // Of systemd's for each unit that it starts; a shell's own does not come so far.
    ...(process.env.INVOCATION_ID === undefined ? {} : { supervised: true }),
  }
}

/** The app that a request is about, where it is about one. */
export async function appOf(
  input: { request?: TargetRequest; id?: string } & TargetRequest,
  journal: Journal,
): Promise<string | undefined> {
  try {
    return input.id === undefined ? (await namesOf(input.request ?? input)).app : journal.get(input.id).plan.app
  } catch {
    return undefined // the handler itself says what is wrong with it
  }
}

/** The app that the file is about; the environment only where one was asked for. */
async function namesOf({ file, app, environment }: TargetRequest): Promise<{ app?: string; environment?: string }> {
  const named = app ?? (file === undefined ? undefined : await appIn(file))
  return { ...(named === undefined ? {} : { app: named }), ...(environment === undefined ? {} : { environment }) }
}

const matches = (
  thing: { app: string; environment: string },
  target: { app?: string | undefined; environment?: string | undefined },
): boolean =>
  (target.app === undefined || thing.app === target.app) && (target.environment === undefined || thing.environment === target.environment)

async function* lines<Line>(items: Line[]): AsyncGenerator<Line> {
  yield* items
}

async function* logLines(
  { world, journal }: HandlerOptions,
  input: Parameters<Handlers['logs']>[0],
  signal: AbortSignal,
): ReturnType<Handlers['logs']> extends AsyncIterable<infer Line> ? AsyncGenerator<Line> : never {
  const target = input.operation === undefined ? await readTarget(world, input) : undefined
  const { app, environment } = target ?? input
  if (input.service !== undefined && app !== undefined) await requireService(world, { app, environment: environment ?? '' }, input.service)
  const selector = {
    ...(app === undefined ? {} : { app }),
    ...(environment === undefined ? {} : { environment }),
    ...(input.service === undefined ? {} : { service: input.service }),
    ...(input.operation === undefined ? {} : { operation: input.operation }),
  }
  const from = {
    ...(input.cursor === undefined ? {} : { cursor: input.cursor }),
    ...(input.sinceMs === undefined ? {} : { sinceMs: input.sinceMs }),
  }
  let isEmpty = true
  for await (const line of world.runtime.logs(selector, { ...from, lines: input.lines, follow: input.follow }, signal)) {
    isEmpty = false
    yield line
  }
  // Not asked before: of operations of a journal that was lost there are logs still, as there are of what was taken down.
  if (!isEmpty || signal.aborted) return
  if (input.operation !== undefined) journal.get(input.operation)
  else if (target !== undefined) requireServing(target)
}

/** One that the release has, or that runs still. @throws FettleError NOT_FOUND naming those there are */
async function requireService(world: World, { app, environment }: { app: string; environment: string }, service: string): Promise<void> {
  const { serving } = await readEnvironment(world, app, environment)
  const groups = await world.runtime.groups({ app, environment })
  const known = new Set([...Object.keys(serving?.spec.services ?? {}), ...groups.map(group => group.labels.service)])
  if (known.has(service)) return
  throw new FettleError('NOT_FOUND', `${app}/${environment} has no service ${service}`, {
    hint: `It has: ${[...known].join(', ') || 'none'}.`,
  })
}

/** All that fettle runs on this host: services of every environment, then the front. */
async function endAll(world: World): Promise<string[]> {
  const groups = await world.runtime.groups({})
  await rememberEnded(world, groups)
  const signal = AbortSignal.timeout(120_000)
  await Promise.all(groups.map(group => world.runtime.stop(group.name, signal)))
  await Promise.all(groups.map(group => world.runtime.remove(group.name, signal)))
  for (const name of await world.runtime.commands({})) {
    await world.runtime.kill(name)
    await world.runtime.forget(name)
  }
  for (const name of await world.runtime.sandboxes()) await world.runtime.closeSandbox(name)
  await world.proxy.shutdown()
  return groups.map(group => group.name)
}
