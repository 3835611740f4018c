/** The folder of a group: `group.json` beside one folder an instance, named by its index. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ReadyCheck } from '../../../core/spec/schema.ts'
import { writeFileAtomic } from '../../../lib/files.ts'
import { readKept } from '../../../lib/kept-file.ts'
import type { Group, Labels } from '../../../ports/runtime.ts'
import { readUnitRecord } from './unit-files.ts'

/** A group without what its instances hold: no secrets. */
export interface GroupRecord {
  format: 1
  name: string
  labels: Labels
  instances: number
  port: boolean
  ready: ReadyCheck
  stop: Group['stop']
  sandbox?: string
}

const READY: ReadyCheck = { within: 30_000 }
const STOP: Group['stop'] = { signal: 'SIGTERM', drainMs: 10_000 }

export const recordOfGroup = ({ name, labels, instances, port, ready, stop, sandbox }: Group): GroupRecord => ({
  format: 1,
  name,
  labels,
  instances,
  port,
  ready: ready ?? READY,
  stop,
  ...(sandbox === undefined ? {} : { sandbox }),
})

const file = (folder: string) => join(folder, 'group.json')

export const writeGroup = (folder: string, record: GroupRecord): Promise<void> =>
  writeFileAtomic(file(folder), `${JSON.stringify(record, null, 2)}\n`, 0o600)

export async function readGroup(folder: string): Promise<GroupRecord | undefined> {
  return readKept<GroupRecord>({ path: file(folder), hint: 'Move it away: the group is known again by its instances.' })
}

/**
 * For a group without its own file: what runs in its folder must still be found, and ended when nobody wants it.
 * @returns undefined when no instance is there
 */
export async function recordFromUnits(folder: string, name: string): Promise<GroupRecord | undefined> {
  const units = await Promise.all((await indicesIn(folder)).map(index => readUnitRecord(join(folder, String(index)))))
  const known = units.filter(unit => unit !== undefined)
  const [first] = known
  if (first === undefined) return undefined
  return { format: 1, name, labels: first.labels, instances: known.length, port: true, ready: READY, stop: STOP }
}

/** Names of the folders in a folder that may be missing. */
export async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory()).map(entry => entry.name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

export async function indicesIn(folder: string): Promise<number[]> {
  const names = await foldersIn(folder)
  return names.filter(name => /^\d+$/.test(name)).map(Number)
}

export const matches = (labels: Labels, selector: Partial<Labels>): boolean =>
  Object.entries(selector).every(([key, value]) => value === undefined || labels[key as keyof Labels] === value)
