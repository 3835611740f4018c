/** What `fettle scale` asked for over the file, kept beside the releases, for it outlives them. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { refuseNewer } from '../core/file-format.ts'
import type { Json } from '../core/json.ts'
import type { PlannedStep } from '../core/plan.ts'
import type { Scale, Scaled } from '../core/scale.ts'
import { readIfExists, writeFileAtomic } from '../lib/files.ts'
import type { World } from './world.ts'

interface ScaleRecord {
  format: 1
  instances: Record<string, number>
  /** How long they count; not written by an earlier fettle. */
  over?: Record<string, Omit<Scaled, 'instances'>>
}

const path = (world: World, app: string, environment: string) => join(world.layout.environment(app, environment), 'scale.json')

export async function readScale(world: World, app: string, environment: string): Promise<Scale> {
  const text = await readIfExists(path(world, app, environment))
  if (text === undefined) return {}
  const { format, instances, over } = JSON.parse(text) as ScaleRecord
  refuseNewer(format, 1, path(world, app, environment))
  return Object.fromEntries(Object.entries(instances).map(([name, count]) => [name, { instances: count, ...over?.[name] }]))
}

export async function writeScale(world: World, app: string, environment: string, scale: Scale): Promise<void> {
  const entries = Object.entries(scale)
  const record: ScaleRecord = {
    format: 1,
    instances: Object.fromEntries(entries.map(([name, { instances }]) => [name, instances])),
    over: Object.fromEntries(entries.map(([name, { file, endedBy }]) => [name, { file, endedBy }])),
  }
  await writeFileAtomic(path(world, app, environment), JSON.stringify(record))
}

/** That the numbers are now others; what was before is there again where the operation is undone. */
export const scaleStep = ({
  from,
  to,
  ...step
}: Pick<PlannedStep, 'id' | 'title' | 'after'> & { from: Scale; to: Scale }): PlannedStep => ({
  ...step,
  kind: 'scale.record@1',
  input: { instances: to as unknown as Json, before: from as unknown as Json },
})

export const forgetScale = (world: World, app: string, environment: string): Promise<void> =>
  rm(path(world, app, environment), { force: true })
