/** The environments of which this home keeps something, whether they serve or not. */
import { join } from 'node:path'
import type { Layout } from '../core/layout.ts'
import { foldersIn } from '../lib/files.ts'

export interface Named {
  app: string
  environment: string
}

export async function keptEnvironments({ apps }: Layout): Promise<Named[]> {
  const names = await foldersIn(apps)
  const kept = await Promise.all(names.map(async app => (await foldersIn(join(apps, app))).map(environment => ({ app, environment }))))
  return kept.flat()
}
