/** How long a trial was watched. Kept outside the clock: neither a jump of it nor a restart of the agent ends a trial early or stretches it. */
import { join } from 'node:path'
import { refuseNewer } from '../core/file-format.ts'
import { readIfExists, writeFileAtomic } from '../lib/files.ts'
import type { World } from './world.ts'

export interface TrialRecord {
  watchedMs: number
  /** Wall clock, ms: when it ends, as the clock stood when this was written. */
  until: number
}

const pathOf = ({ layout }: Pick<World, 'layout'>, operation: string): string => join(layout.task(operation), 'trial.json')

export async function readTrial(world: Pick<World, 'layout'>, operation: string): Promise<TrialRecord | undefined> {
  const path = pathOf(world, operation)
  const text = await readIfExists(path)
  if (text === undefined) return undefined
  const { format, watchedMs, until } = JSON.parse(text) as TrialRecord & { format: number }
  refuseNewer(format, 1, path)
  return { watchedMs, until }
}

export async function writeTrial(world: Pick<World, 'layout'>, operation: string, record: TrialRecord): Promise<void> {
  await writeFileAtomic(pathOf(world, operation), JSON.stringify({ format: 1, ...record }), 0o600)
}
