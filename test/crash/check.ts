/** What must hold once no operation is open any more. Each function names what does not. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { OperationRecord } from '../../src/core/plan.ts'
import { operationOf } from '../../src/core/snapshot.ts'
import { readIfExists } from '../../src/lib/files.ts'
import { leftovers } from './leftovers.ts'
import type { SweptOperation } from './operations.ts'
import type { Site } from './site.ts'
import type { Snapshots } from './snapshots.ts'

export interface Outcome {
  swept: SweptOperation | undefined
  /** Undefined: the agent died before it began. */
  operation: OperationRecord | undefined
  /** Version that served before, and that it was to bring. */
  before: number
  wanted: number
}

/** No operation is looked at: what serves goes on. */
export const atRest = ({ version }: Site): Outcome => ({ swept: undefined, operation: undefined, before: version, wanted: version })

/** What may be right a moment later: to be asked until nothing is wrong any more. */
export async function unsettled(site: Site, snapshots: Snapshots, outcome: Outcome): Promise<string[]> {
  return [
    ...(await wrongEnd(site, outcome)),
    ...(await wrongService(site, outcome)),
    ...leftovers({
      paths: site.paths,
      repository: site.repository,
      table: await site.table(),
      agent: site.agentPid,
      manifests: await snapshots.list(),
    }),
  ]
}

/** What no time mends. Each is told once: what is lost is then forgotten, so that the next look is at what happened since. */
export async function damage(site: Site, snapshots: Snapshots, outcome: Outcome): Promise<string[]> {
  return [
    ...site.load.takeFailures(),
    ...(await lostWrites(site, outcome)),
    ...(await wrongSnapshots(snapshots, outcome)),
    ...(await twice(site)),
  ]
}

async function wrongEnd(site: Site, { swept, operation }: Outcome): Promise<string[]> {
  const open = (await site.operations()).filter(({ state }) => state !== 'done' && state !== 'undone')
  const held = open.map(({ id, plan, state, error }) => `${plan.kind} ${id} is ${state}: ${error?.message ?? ''}`)
  if (operation === undefined || operation.state === swept?.ends) return held
  return [...held, `it is ${operation.state} in place of ${swept?.ends}: ${JSON.stringify(operation.error)}`]
}

/** What serves is what the outcome says, in every place that tells it. */
async function wrongService(site: Site, { swept, operation, before, wanted }: Outcome): Promise<string[]> {
  const found: string[] = []
  const isDone = operation?.state === 'done'
  const expected = isDone ? wanted : before
  const status = await site.status()
  const state = isDone && swept?.stops === true ? 'stopped' : 'up'
  if (status?.state !== state) found.push(`the status is ${status?.state} in place of ${state}: ${status?.why ?? ''}`)
  if (status?.operation !== undefined) found.push(`the status shows operation ${status.operation.id}, ${status.operation.state}`)
  const version = await site.load.version()
  if (state === 'up' && version !== expected) found.push(`version ${version} answers in place of ${expected}`)
  const table = await site.table()
  if (!(await site.releases()).includes(table.release)) found.push(`the release ${table.release} that serves is not listed`)
  for (const release of await site.releases()) {
    const text = await readIfExists(join(site.paths.release(table.app, table.environment, release), 'release.json'))
    const by = text === undefined ? undefined : (JSON.parse(text) as { operation: string }).operation
    if (operation !== undefined && by === operation.id && !isDone) found.push(`${release} stays though its deploy was undone`)
  }
  const levels = read(table.stores.data, 'select version from levels').map(row => row.version)
  if (isDone && swept?.name === 'deploy' && !levels.includes(wanted)) found.push(`the data was not migrated to ${wanted}`)
  return found
}

/** Announced losses are forgotten: from now on what is there must stay. */
async function lostWrites(site: Site, { swept, operation }: Outcome): Promise<string[]> {
  const { stores } = await site.table()
  const { load } = site
  const acknowledged = [...load.entries]
  const acknowledgedFiles = [...load.files]
  const present = new Set(read(stores.data, 'select n from entries').map(row => row.n))
  const lost = acknowledged.filter(number => !present.has(number))
  const lostFiles: string[] = []
  for (const [name, number] of acknowledgedFiles) {
    const content = Number((await readIfExists(join(stores.uploads ?? '', name))) ?? -1)
    if (content >= number) continue
    lostFiles.push(name)
    if (content < 0) load.files.delete(name)
    else load.files.set(name, content)
  }
  for (const number of lost) load.entries.delete(number)
  const announced = swept?.losesData === true && operation?.state === 'done' ? announcedLoss(operation) : { entries: 0, files: 0 }
  return [
    ...(lost.length > announced.entries ? [`${lost.length} acknowledged entries are lost, ${announced.entries} were announced`] : []),
    ...(lostFiles.length > announced.files
      ? [`acknowledged files are lost: ${lostFiles.join(', ')}; ${announced.files} were announced`]
      : []),
  ]
}

function announcedLoss(operation: OperationRecord): { entries: number; files: number } {
  const output = operation.steps.find(step => step.id === 'loss')?.output as { items: Record<string, number> } | undefined
  const items = Object.entries(output?.items ?? {})
  const sum = (prefix: string) => items.filter(([item]) => item.startsWith(prefix)).reduce((total, [, rows]) => total + rows, 0)
  return { entries: sum('data/entries'), files: sum('uploads/') }
}

async function wrongSnapshots(snapshots: Snapshots, { swept, operation }: Outcome): Promise<string[]> {
  const found = await snapshots.problems()
  const own = (await snapshots.list()).filter(({ id }) => operation !== undefined && operationOf(id) === operation.id)
  const isTaken = operation?.state === 'done' && (swept?.name === 'backup' || swept?.name === 'deploy')
  if (isTaken && own.length !== 1) found.push(`${own.length} snapshots are listed for ${operation.id}`)
  return found
}

async function twice(site: Site): Promise<string[]> {
  const text = await readFile(site.overlaps, 'utf8').catch(() => '')
  return text.split('\n').filter(line => line !== '')
}

function read(folder: string | undefined, sql: string): Record<string, number>[] {
  const database = new DatabaseSync(join(folder ?? '', 'ledger.db'), { readOnly: true, timeout: 10_000 })
  try {
    return database.prepare(sql).all() as Record<string, number>[]
  } finally {
    database.close()
  }
}
