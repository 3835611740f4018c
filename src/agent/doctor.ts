/** What may be wrong with this host and what runs on it, each with the command that mends it. The command line adds what it sees. */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DoctorItem, DoctorReport, EnvironmentStatus } from '../api/views.ts'
import { FettleError, toFettleError } from '../core/errors.ts'
import { formatBytes } from '../core/format.ts'
import type { Journal } from '../engine/journal.ts'
import { freeBytes, treeSize } from '../lib/disk.ts'
import { readEnvironment } from '../operations/environment.ts'
import type { ProjectFile } from '../operations/target.ts'
import type { World } from '../operations/world.ts'
import type { RouteTable } from '../ports/proxy.ts'
import type { BootEnabler } from './boot.ts'
import { backupItems, type KeptBackups, keptBackups } from './doctor-backups.ts'
import { environmentStatus, externalStatus, specInForce } from './status.ts'

const SPARE_BYTES = 64 * 1024 * 1024

type Named = Pick<RouteTable, 'app' | 'environment'>

export interface DoctorOptions {
  world: World
  journal: Journal
  boot: BootEnabler
}

/** All of this host; of what serves only what was named. `project`: the file that lies where it is asked. A check that fails is itself a finding: none hides the others. */
export async function examine(
  options: DoctorOptions,
  named: { app?: string | undefined; environment?: string | undefined },
  project?: ProjectFile,
): Promise<DoctorReport> {
  const { world, journal } = options
  const isMeant = ({ app, environment }: Named) => (named.app ?? app) === app && (named.environment ?? environment) === environment
  const tables = (await world.proxy.tables()).filter(table => table.generation > 0 && isMeant(table))
  const kept = await keptBackups(world, tables, project).catch(error => toFettleError(error, 'look for backups'))
  const theirs = kept instanceof FettleError ? [] : kept.filter(isMeant)
  const apps = new Set([...tables, ...theirs].map(({ app }) => app))
  const checks: [string, () => Promise<DoctorItem[]>][] = [
    ['isolation', async () => [isolation(world)]],
    ['memory limits', async () => [memoryLimits(world)]],
    ['boot', async () => [await boot(options)]],
    ['clock', async () => clock(world, tables)],
    ['front', async () => [{ name: 'front', state: 'ok', text: `serves ${await world.proxy.address()}` }]],
    ['keys', () => keys(world, [...apps])],
    ['operations', async () => heldOperations(journal)],
    ['space', () => space(world)],
    ['backups', async () => (kept instanceof FettleError ? [failedCheck('backups', kept)] : [])],
    ...tables.map((table): [string, () => Promise<DoctorItem[]>] => [nameOf(table), () => environment(world, journal, table, project)]),
    ...theirs.map((one): [string, () => Promise<DoctorItem[]>] => [nameOf(one), () => ofSomethingElse(world, journal, one)]),
  ]
  const items = await Promise.all(checks.map(([name, check]) => check().catch(error => [failedCheck(name, error)])))
  const all = items.flat()
  return { ok: all.every(item => item.state !== 'fail'), items: all }
}

const nameOf = ({ app, environment }: Named): string => `${app}/${environment}`

function failedCheck(name: string, thrown: unknown): DoctorItem {
  const { message, hint } = toFettleError(thrown, `check ${name}`)
  return { name, state: 'fail', text: message, ...(hint === undefined ? {} : { fix: hint }) }
}

function isolation({ runtime: { caps } }: World): DoctorItem {
  if (caps.isolation === 'network+files') return { name: 'isolation', state: 'ok', text: 'drills and rehearsals run with no way out' }
  const text = `no sandbox: ${caps.isolationReason ?? 'not supported'}; drills stop at "content equal"`
  return { name: 'isolation', state: 'warn', text, ...(caps.isolationNeeds === undefined ? {} : { fix: caps.isolationNeeds }) }
}

function memoryLimits({ runtime: { caps } }: World): DoctorItem {
  if (caps.memory === 'enforced') return { name: 'memory limits', state: 'ok', text: 'enforced by the kernel' }
  return { name: 'memory limits', state: 'warn', text: `${caps.memory}: ${caps.memoryReason ?? 'no control group can be written'}` }
}

async function boot({ boot }: DoctorOptions): Promise<DoctorItem> {
  const how = await boot.state()
  if (how !== undefined) return { name: 'boot', state: 'ok', text: `returns by ${how}` }
  return { name: 'boot', state: 'warn', text: 'nothing starts the agent after a reboot', fix: 'fettle agent enable' }
}

/** Releases from the future: the clock was wrong when they were made, or is wrong now. */
async function clock(world: World, tables: RouteTable[]): Promise<DoctorItem[]> {
  const now = world.clock.now()
  const read = await Promise.allSettled(tables.map(({ app, environment }) => readEnvironment(world, app, environment)))
  // That one can not be read is a finding of its own check.
  const releases = read.flatMap(result => (result.status === 'fulfilled' ? result.value.releases : []))
  const ahead = releases.filter(release => release.createdAt > now + 60_000)
  if (ahead.length === 0) return [{ name: 'clock', state: 'ok', text: new Date(now).toISOString() }]
  const text = `it is ${new Date(now).toISOString()}, but ${ahead.map(release => release.id).join(', ')} were made later than that`
  return [{ name: 'clock', state: 'warn', text, fix: 'Let the clock be set: timedatectl set-ntp true' }]
}

const modeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ mode }) => mode & 0o777,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return undefined
    },
  )

/** A key is made with the first deploy or backup, and remembered. */
async function keys({ layout }: World, apps: string[]): Promise<DoctorItem[]> {
  const made = apps.filter(app => [layout.key(app), layout.knownKey(app)].some(path => existsSync(path)))
  const modes = await Promise.all(made.map(async app => ({ app, mode: await modeOf(layout.key(app)) })))
  return modes.map(({ app, mode }) => {
    const path = layout.key(app)
    if (mode === undefined)
      return { name: 'key', state: 'fail', text: `${path} is gone: no backup opens without it`, fix: 'bring it back from your copy' }
    if ((mode & 0o077) === 0) return { name: 'key', state: 'ok', text: `${path}: keep a copy elsewhere, without it no backup opens` }
    return { name: 'key', state: 'fail', text: `${path} can be read by others (mode ${mode.toString(8)})`, fix: `chmod 600 ${path}` }
  })
}

function heldOperations(journal: Journal): DoctorItem[] {
  const held = journal.unended().filter(operation => operation.state === 'held')
  if (held.length === 0) return [{ name: 'operations', state: 'ok', text: 'none is held' }]
  return held.map(({ id, plan, error }) => ({
    name: 'operations',
    state: 'fail',
    text: `${plan.kind} ${id} of ${plan.app}/${plan.environment} is held: ${error?.message ?? 'no reason was recorded'}`,
    fix: `fettle operations show ${id}`,
  }))
}

async function space(world: World): Promise<DoctorItem[]> {
  const { home, apps, live, versions } = world.layout
  const parts = { live, backups: join(home, 'backups'), releases: apps, logs: join(home, 'logs'), versions }
  const sizes = await Promise.all(Object.entries(parts).map(async ([name, path]) => ({ name, bytes: await treeSize(path) })))
  const free = await freeBytes(home)
  const needed = 2 * (sizes.find(size => size.name === 'live')?.bytes ?? 0) + SPARE_BYTES
  const used = sizes.map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`).join(', ')
  const text = `${formatBytes(free)} free in ${home}; used: ${used}`
  if (free >= needed) return [{ name: 'space', state: 'ok', text }]
  const fix = `Free ${formatBytes(needed - free)}: a deploy takes a snapshot and rehearses on a copy.`
  return [{ name: 'space', state: 'fail', text, fix }]
}

async function environment(world: World, journal: Journal, table: RouteTable, project: ProjectFile | undefined): Promise<DoctorItem[]> {
  const target = project !== undefined && isOf(project, table) ? { file: project.file } : {}
  const status = await environmentStatus(world, table, { operations: journal.unended(), address: await world.proxy.address(), target })
  const { serving } = await readEnvironment(world, table.app, table.environment)
  const spec = serving === undefined ? undefined : await specInForce(serving, target)
  const hasData = spec !== undefined && Object.keys(spec.stores).length > 0
  return [stateItem(status), ...(hasData ? await backupItems(world, table, spec.backups) : [])]
}

const isOf = ({ spec, environment }: ProjectFile, table: Named): boolean => spec.app === table.app && environment === table.environment

/** What fettle only backs up: where its data is, when its file is at hand, and what its backups are worth. */
const ofSomethingElse = async (world: World, journal: Journal, { project, backups, ...named }: KeptBackups): Promise<DoctorItem[]> => [
  ...(project === undefined
    ? []
    : [stateItem(await externalStatus(world, project, journal.unended()), '`fettle restore --to FOLDER` gives it back')]),
  ...(await backupItems(world, named, backups)),
]

function stateItem({ app, environment, state, why }: EnvironmentStatus, fix = `fettle logs --env ${environment}`): DoctorItem {
  const isBad = state === 'down' || state === 'degraded' || state === 'unknown'
  const text = `${state}${why === undefined ? '' : `: ${why}`}`
  return { name: `${app}/${environment}`, state: isBad ? 'fail' : 'ok', text, ...(isBad ? { fix } : {}) }
}
