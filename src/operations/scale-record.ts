/** What `fettle scale` asked for over the file, kept beside the releases, for it outlives them. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { Json } from '../core/json.ts'
import type { PlannedStep } from '../core/plan.ts'
import type { Scale } from '../core/scale.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { readKept } from '../lib/kept-file.ts'
import type { World } from './world.ts'

const ScaleRecord = z.object({
  format: z.literal(1),
  instances: z.record(z.string(), z.number()),
  /** How long they count; not written by an earlier fettle. */
  over: z.record(z.string(), z.object({ file: z.number().optional(), endedBy: z.number().optional() })).optional(),
})
const path = (world: World, app: string, environment: string) => join(world.layout.environment(app, environment), 'scale.json')

export async function readScale(world: World, app: string, environment: string): Promise<Scale> {
  const hint = 'Remove it: the numbers of fettle.yaml count then, until `fettle scale` asks for others.'
  const kept = await readKept({ path: path(world, app, environment), schema: ScaleRecord, hint })
  if (kept === undefined) return {}
  const { instances, over } = kept
  return Object.fromEntries(Object.entries(instances).map(([name, count]) => [name, { instances: count, ...over?.[name] }]))
}

export async function writeScale(world: World, app: string, environment: string, scale: Scale): Promise<void> {
  const entries = Object.entries(scale)
  const record: z.output<typeof ScaleRecord> = {
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
