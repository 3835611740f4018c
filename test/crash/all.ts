/** All swept operations, their points shared out to homes side by side. A home in which something failed is given up for a fresh one. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyBundle } from './bundle.ts'
import { type Choice, chance, chosenOf, killedAgainAfter, mayHold, refuseUnknown } from './choice.ts'
import { type SweptOperation, sweptOperations } from './operations.ts'
import { Site } from './site.ts'
import { Sweep } from './sweep.ts'

export interface SweepOptions extends Choice {
  lanes: number
  /** Then no other point is begun. They come in an order by chance, so that those left out are of all operations. */
  atMostMs?: number
  /** Leaves the folder. */
  keep: boolean
  print(line: string): void
}

export interface Survival {
  operation: string
  /** `operation kind/step:point` behind the swept operation's. */
  name: string
  durationMs: number
  /** Empty: it survived. */
  problems: string[]
}

interface Task {
  swept: SweptOperation
  point: string
  name: string
}

const SOME = 5

/** @returns one of each point, in the order of the operations @throws FettleError USAGE when `only` names none */
export async function sweepAll(options: SweepOptions): Promise<Survival[]> {
  const names = sweptOperations.map(({ name }) => `${name}/`)
  refuseUnknown(
    sweptOperations.some(({ name }) => mayHold(name, options)),
    options,
    [...names, 'deploy/deploy/switch:before'],
  )
  const folder = await mkdtemp(join(tmpdir(), 'fc-'))
  const homes = new Homes(folder, await copyBundle(join(folder, 'fettle')))
  try {
    const sweeps = await Promise.all(Array.from({ length: options.lanes }, () => homes.open()))
    const tasks = await tasksOf(sweeps, options)
    const survivals: Survival[] = []
    const waiting = options.atMostMs === undefined ? [...tasks] : byChance(tasks, options.seed)
    const tooLong = setTimeout(() => waiting.splice(0), options.atMostMs ?? 0x7fffffff).unref()
    await side(sweeps, sweep => carryOut(waiting, sweep, homes, options, survivals))
    clearTimeout(tooLong)
    const order = new Map(tasks.map(({ name }, index) => [name, index]))
    return survivals.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0))
  } finally {
    await homes.destroy()
    if (options.keep) options.print(`everything is left in ${folder}`)
    else await rm(folder, { recursive: true, force: true })
  }
}

/** Makes homes and ends them. */
class Homes {
  readonly #folder: string
  readonly #bundle: string
  readonly #sites: Site[] = []

  constructor(folder: string, bundle: string) {
    this.#folder = folder
    this.#bundle = bundle
  }

  /** Two releases of the app are in it, and as many snapshots as stay: each backup has one to forget. */
  async open(): Promise<Sweep> {
    const number = this.#sites.length
    const folder = join(this.#folder, String(number))
    const from = 21_000 + (number % 8) * 1000
    const site = new Site({ bundle: this.#bundle, folder, ports: { from, to: from + 999 } })
    site.spec.keep = 1
    this.#sites.push(site)
    await mkdir(folder)
    await site.open()
    site.load.declared.add(await site.nextSource())
    await site.mustDo({ kind: 'deploy', file: site.file })
    await site.mustDo({ kind: 'backup', file: site.file })
    return new Sweep(site)
  }

  async destroy(): Promise<void> {
    for (const site of this.#sites) await site.destroy()
  }
}

/** All at once, to the end of each, also when one fails. */
async function side<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  for (const ended of await Promise.allSettled(items.map(act))) if (ended.status === 'rejected') throw ended.reason
}

/** From a run of each operation without a crash. */
async function tasksOf(sweeps: readonly Sweep[], options: SweepOptions): Promise<Task[]> {
  const meant = sweptOperations.filter(({ name }) => mayHold(name, options))
  const points = new Map<string, string[]>()
  const waiting = [...meant]
  await side(sweeps, async sweep => {
    for (let swept = waiting.shift(); swept !== undefined; swept = waiting.shift()) points.set(swept.name, await sweep.points(swept))
  })
  const tasks: Task[] = []
  const known: string[] = []
  for (const swept of meant) {
    const all = (points.get(swept.name) ?? []).map(point => ({ swept, point, name: `${swept.name}/${point}` }))
    const chosen = chosenOf(all, options)
    options.print(`${swept.name}: ${chosen.length} of ${all.length} points`)
    tasks.push(...chosen)
    known.push(...all.map(({ name }) => name))
  }
  refuseUnknown(
    known.some(name => name.startsWith(options.only)),
    options,
    known.slice(0, SOME),
  )
  return tasks
}

const byChance = (tasks: readonly Task[], seed: number): Task[] => tasks.toSorted((a, b) => chance(seed, a.name) - chance(seed, b.name))

/** Takes from the common list until it is empty. */
async function carryOut(waiting: Task[], first: Sweep, homes: Homes, options: SweepOptions, survivals: Survival[]): Promise<void> {
  let sweep = first
  for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
    const { swept, point, name } = task
    const began = performance.now()
    const again = killedAgainAfter(options.seed, name)
    const problems = await sweep.survives(swept, point, again)
    const durationMs = Math.round(performance.now() - began)
    survivals.push({ operation: swept.name, name, durationMs, problems })
    options.print(`${problems.length === 0 ? '✔' : '✖'} ${name}${again === 0 ? '' : `, again after ${again}`} ${durationMs} ms`)
    if (problems.length === 0) continue
    options.print(failureText({ name, problems }, options.seed))
    await sweep.site.destroy()
    sweep = await homes.open()
  }
  await sweep.site.close()
}

/** What was wrong, and how to see it again. */
export const failureText = ({ name, problems }: Pick<Survival, 'name' | 'problems'>, seed: number): string =>
  [`✖ ${name}`, ...problems, `alone: npm run test:crash -- --seed ${seed} --only '${name}'`].join('\n    ')

/** `backup 13/13, 0.8 s a point` */
export function summaryLines(survivals: readonly Survival[]): string[] {
  return [...Map.groupBy(survivals, ({ operation }) => operation)].map(([operation, all]) => {
    const survived = all.filter(({ problems }) => problems.length === 0).length
    const seconds = all.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000
    return `${operation} ${survived}/${all.length}, ${seconds.toFixed(0)} s, ${(seconds / all.length).toFixed(1)} s a point`
  })
}
