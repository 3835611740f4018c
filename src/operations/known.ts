/** What a name can mean where no file says it: the environments that serve, or of which something is kept. */
import { FettleError } from '../core/errors.ts'
import { nearestName } from '../core/nearest.ts'
import { keptEnvironments, type Named } from './kept.ts'
import type { World } from './world.ts'

/** Nothing, when the names mean something. @throws FettleError NOT_FOUND naming what was meant, or what there is */
export async function requireKnown(world: World, app: string | undefined, environment: string | undefined): Promise<void> {
  const known = await knownEnvironments(world)
  const apps = new Set(known.map(one => one.app))
  if (app !== undefined && !apps.has(app)) throw unknown(`nothing is known of an app ${app}`, app, apps)
  if (environment === undefined) return
  const environments = new Set(known.filter(one => app === undefined || one.app === app).map(one => one.environment))
  if (!environments.has(environment))
    throw unknown(`${app ?? 'no app'} has ${app === undefined ? 'an' : 'no'} environment ${environment}`, environment, environments)
}

function unknown(message: string, name: string, names: Set<string>): FettleError {
  const nearest = nearestName(name, names)
  const all = '`fettle status --all` shows every app and environment of this home.'
  return new FettleError('NOT_FOUND', message, { hint: nearest === undefined ? all : `Did you mean ${nearest}? ${all}` })
}

async function knownEnvironments({ proxy, layout }: World): Promise<Named[]> {
  const [tables, kept] = await Promise.all([proxy.tables(), keptEnvironments(layout)])
  return [...tables.filter(table => table.generation > 0), ...kept]
}
