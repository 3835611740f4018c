/** How many instances were asked for by `fettle scale`, over what the file says. Kept beside the releases, for it outlives them. */
import { join } from 'node:path'
import { refuseNewer } from '../core/file-format.ts'
import { readIfExists, writeFileAtomic } from '../lib/files.ts'
import type { World } from './world.ts'

const path = (world: World, app: string, environment: string) => join(world.layout.environment(app, environment), 'scale.json')

export async function readScale(world: World, app: string, environment: string): Promise<Record<string, number>> {
  const text = await readIfExists(path(world, app, environment))
  if (text === undefined) return {}
  const { format, instances } = JSON.parse(text) as { format: number; instances: Record<string, number> }
  refuseNewer(format, 1, path(world, app, environment))
  return instances
}

export async function writeScale(world: World, app: string, environment: string, instances: Record<string, number>): Promise<void> {
  await writeFileAtomic(path(world, app, environment), JSON.stringify({ format: 1, instances }))
}
