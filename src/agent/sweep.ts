/** What an ended operation leaves is removed: its commands, task files, scratch copies, sandboxes. Only what bears its name. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isOver, type OperationRecord } from '../core/plan.ts'
import { foldersIn, isHalfWritten, namesIn } from '../lib/files.ts'
import { removeWork } from '../operations/data-tasks.ts'
import { listReleases } from '../operations/environment.ts'
import { keptEnvironments } from '../operations/kept.ts'
import type { World } from '../operations/world.ts'
import type { GroupState } from '../ports/runtime.ts'

export async function sweepOperation(world: World, { id, state }: Pick<OperationRecord, 'id' | 'state'>): Promise<void> {
  if (!isOver(state) || state === 'held') return
  await sweepById(world, id)
}

async function sweepById(world: World, id: string): Promise<void> {
  for (const name of await world.runtime.commands({ operation: id })) {
    await world.runtime.kill(name)
    await world.runtime.forget(name)
  }
  for (const name of await world.runtime.sandboxes()) if (name.startsWith(`${id}-`)) await world.runtime.closeSandbox(name)
  await removeWork(world, id)
}

export interface Known {
  /** By an operation's id. */
  isOpen(id: string): boolean
  /** An operation is on its way there, and knows what it started. */
  isBusy(app: string, environment: string): boolean
}

/**
 * After a crash: traces of operations that are over, of those that a lost journal knew, and of plans that were never begun.
 * @param onError of a repository that is out of reach or a release that can not be read, which must not keep the agent from all else
 */
export async function sweepStrays(world: World, known: Known, onError: (error: unknown) => void): Promise<void> {
  for (const id of await traces(world)) if (!known.isOpen(id)) await sweepById(world, id)
  await sweepGroups(world, known)
  await sweepPending(world, known.isOpen, onError)
}

/** Every operation or plan that left something: names of commands and sandboxes begin with it. */
async function traces({ runtime, layout }: World): Promise<Set<string>> {
  const units = [...(await runtime.commands({})), ...(await runtime.sandboxes())]
  const work = [...(await foldersIn(layout.tasks)), ...(await foldersIn(layout.scratches))]
  return new Set([...units.map(name => name.slice(0, name.indexOf('-'))), ...work])
}

/** Groups that the table of their environment does not name and no operation may still want: one that made them, or that retires them. */
async function sweepGroups(world: World, { isOpen, isBusy }: Known): Promise<void> {
  const signal = AbortSignal.timeout(120_000)
  for (const group of await world.runtime.groups({})) {
    const { app, environment } = group.labels
    const maker = /\bop\d+\b/.exec(group.name)?.[0] ?? ''
    if (isOpen(maker) || isBusy(app, environment) || (await isServing(world, group))) continue
    await world.runtime.remove(group.name, signal, maker === '' ? undefined : maker)
  }
}

/** Also where nobody knows: a table that can not be read is no reason to stop what may serve. */
async function isServing({ proxy }: World, { name, labels: { app, environment } }: GroupState): Promise<boolean> {
  return proxy.current(app, environment).then(
    table => Object.values(table?.groups ?? {}).includes(name),
    () => true,
  )
}

/** Transactions of a repository whose operation is over: nothing refers to them. */
async function sweepPending(world: World, isOpen: Known['isOpen'], onError: (error: unknown) => void): Promise<void> {
  for (const { app, environment } of await keptEnvironments(world.layout))
    await abandonPending(world, app, environment, isOpen).catch(onError)
}

async function abandonPending(world: World, app: string, environment: string, isOpen: Known['isOpen']): Promise<void> {
  const [newest] = await listReleases(world, app, environment)
  if (newest === undefined) return
  const repository = await world.repository(app, newest.spec.backups)
  for (const id of await repository.pending()) if (!isOpen(id)) await repository.abandon(id)
}

/**
 * Files that a dead agent was writing when it died. Only where the agent alone writes, and before it does: elsewhere one that is being
 * written now looks the same.
 */
export async function sweepHalfWritten({ layout }: World): Promise<void> {
  for (const folder of [layout.agent, layout.knownKeys, layout.keys, layout.front, ...(await environmentFolders(layout))]) {
    const halves = (await namesIn(folder)).filter(isHalfWritten)
    for (const name of halves) await rm(join(folder, name), { force: true })
  }
}

async function environmentFolders(layout: World['layout']): Promise<string[]> {
  const found: string[] = []
  for (const { app, environment } of await keptEnvironments(layout)) {
    const releases = (await foldersIn(layout.releases(app, environment))).map(id => layout.release(app, environment, id))
    found.push(layout.environment(app, environment), layout.artifacts(app, environment), ...releases)
  }
  return found
}
