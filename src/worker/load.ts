import type { StoreAt, TaskOf, TaskResult } from '../core/data-tasks.ts'
import { FettleError } from '../core/errors.ts'
import { comparedRows, compareFingerprints } from '../core/fingerprint.ts'
import type { Fingerprint, SnapshotPart } from '../ports/store.ts'
import { countedSource, openStore, type TaskWorld } from './world.ts'

/** Fills the folders, then reads back what arrived and compares it with what was taken. */
export async function load(world: TaskWorld, task: TaskOf<'snapshot.load'>, signal: AbortSignal): Promise<TaskResult<'snapshot.load'>> {
  const source = countedSource((await world.openRepository(task.repository)).source(), world.progress)
  const fingerprints: Record<string, Fingerprint> = {}
  const differences: TaskResult<'snapshot.load'>['differences'] = []
  for (const at of task.stores) {
    const { store, config } = openStore(world, at)
    const part = partOf(task.parts, at)
    world.progress.stage(`loading ${at.name}`)
    await store.load(part, source, at.folder, config, { durable: task.durable ?? true, signal }).catch(error => {
      throw unplaceable(at, error)
    })
    world.progress.stage(`comparing ${at.name}`)
    const found = await store.fingerprint(at.folder, config, signal)
    fingerprints[at.name] = found
    differences.push(...compareFingerprints(part.fingerprint, found).map(difference => ({ store: at.name, ...difference })))
  }
  const compared = Object.values(fingerprints).reduce((rows, found) => rows + comparedRows(found), 0)
  return { fingerprints, compared, differences }
}

/** Into an empty folder everything goes that once lay in one: what gets in its own way there is not what was backed up. */
const OF_THE_CONTENT = ['EEXIST', 'EISDIR', 'ENOTDIR', 'ELOOP']

function unplaceable({ name }: StoreAt, cause: unknown): unknown {
  const { code = '', message } = cause as NodeJS.ErrnoException
  if (cause instanceof FettleError || !OF_THE_CONTENT.includes(code)) return cause
  return new FettleError('DIFFERENT', `store ${name} can not be laid out as it was backed up: ${message}`, { cause })
}

export async function fingerprint(world: TaskWorld, task: TaskOf<'fingerprint'>, signal: AbortSignal): Promise<TaskResult<'fingerprint'>> {
  const fingerprints: Record<string, Fingerprint> = {}
  for (const at of task.stores) {
    const { store, config } = openStore(world, at)
    world.progress.stage(`reading ${at.name}`)
    fingerprints[at.name] = await store.fingerprint(at.folder, config, signal)
  }
  return { fingerprints }
}

/** The least certain store decides how certain the sum is. */
const PRECISIONS = ['exact', 'at-least', 'unknown'] as const

export async function changedSince(
  world: TaskWorld,
  task: TaskOf<'changed-since'>,
  signal: AbortSignal,
): Promise<TaskResult<'changed-since'>> {
  const source = countedSource((await world.openRepository(task.repository)).source(), world.progress)
  const items: Record<string, number> = {}
  let precision = 0
  for (const at of task.stores) {
    const { store, config } = openStore(world, at)
    world.progress.stage(`comparing ${at.name}`)
    const loss = await store.changedSince(partOf(task.parts, at), source, at.folder, config, { scratch: task.scratch, signal })
    for (const [item, rows] of Object.entries(loss.items)) items[`${at.name}/${item}`] = rows
    precision = Math.max(precision, PRECISIONS.indexOf(loss.precision))
  }
  const rows = Object.values(items).reduce((sum, count) => sum + count, 0)
  return { rows, items, precision: PRECISIONS[precision] ?? 'unknown' }
}

function partOf(parts: SnapshotPart[], { name, driver }: StoreAt): SnapshotPart {
  const part = parts.find(part => part.store === name)
  if (part === undefined) throw new FettleError('NOT_FOUND', `the snapshot holds no store ${name}`)
  if (part.driver !== driver)
    throw new FettleError('CONFLICT', `store ${name} is of ${driver} now and was of ${part.driver} in the snapshot`)
  return part
}
