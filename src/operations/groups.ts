/** From a release's words to what a runtime runs: references resolved, secrets opened, live or in a scratch place. */
import { dirname } from 'node:path'
import { FettleError } from '../core/errors.ts'
import { groupName } from '../core/names.ts'
import type { Release } from '../core/release.ts'
import { bindSecrets } from '../core/sandbox-env.ts'
import { Secret } from '../core/secret.ts'
import { refsForRollback } from '../core/secrets.ts'
import { shellArgv } from '../core/shell-command.ts'
import { externalPath, migrationEnvironment, readyCheck, spokenNames } from '../core/spec/derived.ts'
import { resolveCommand, resolveEnvironment, type Scope } from '../core/spec/references.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Group, SandboxName } from '../ports/runtime.ts'
import type { CommandBody } from './commands.ts'
import { readProject } from './target.ts'
import type { World } from './world.ts'

const MIGRATION_LIMIT_MS = 3_600_000

/** Where a release runs: against live data, or against copies in a sandbox. */
export interface Place {
  /** Store → folder. */
  stores: Record<string, string>
  sandbox?: SandboxName
}

export const releaseSource = (world: World, release: Release): string =>
  world.layout.artifact(release.app, release.environment, release.artifact.key)

/** @throws FettleError SECRET_MISSING, SECRET_LOCKED */
export async function groupOf(
  world: World,
  release: Release,
  serviceName: string,
  activation: string,
  place: Place,
  instances?: number,
): Promise<Group> {
  const service = release.spec.services[serviceName]
  if (service === undefined) throw new FettleError('NOT_FOUND', `release ${release.id} has no service ${serviceName}`)
  const { app, environment, spec } = release
  const scope = await scopeOf(world, release, place)
  return {
    name: groupName(app, environment, serviceName, activation),
    labels: { app, environment, service: serviceName, release: release.id },
    argv: shellArgv(resolveCommand(service.run, scope)),
    cwd: releaseSource(world, release),
    env: resolveEnvironment(service.env, scope),
    instances: instances ?? service.instances,
    port: true,
    ready: readyCheck(spec, serviceName),
    stop: { signal: service.stop.signal, drainMs: service.stop.drain },
    limits: service.limits.memory === undefined ? {} : { memoryBytes: service.limits.memory },
    ...sandboxOf(place),
  }
}

/** A migration runs with `release.env`, or with what the service behind the first route gets. */
export async function migrationCommand(world: World, release: Release, place: Place): Promise<CommandBody> {
  const scope = await scopeOf(world, release, place)
  return {
    argv: shellArgv(resolveCommand(release.spec.release.migrate ?? 'true', scope)),
    cwd: releaseSource(world, release),
    env: resolveEnvironment(migrationEnvironment(release.spec), scope),
    timeoutMs: MIGRATION_LIMIT_MS,
    ...sandboxOf(place),
  }
}

/** Somebody's own command in a release, with the environment of a service or, without one, of the migration. */
export async function ownCommand(
  world: World,
  release: Release,
  argv: string[],
  service: string | null,
  place: Place,
): Promise<CommandBody> {
  const env = service === null ? migrationEnvironment(release.spec) : release.spec.services[service]?.env
  if (env === undefined) {
    throw new FettleError('NOT_FOUND', `release ${release.id} has no service ${service}`, {
      hint: `It has: ${Object.keys(release.spec.services).join(', ')}.`,
    })
  }
  return {
    argv,
    cwd: releaseSource(world, release),
    env: resolveEnvironment(env, await scopeOf(world, release, place)),
    ...sandboxOf(place),
  }
}

const sandboxOf = ({ sandbox }: Place) => (sandbox === undefined ? {} : { sandbox })

async function scopeOf(world: World, release: Release, place: Place): Promise<Scope> {
  return {
    app: release.app,
    environment: release.environment,
    release: release.id,
    stores: storePaths(world, release.spec, place.stores),
    secrets: await openSecrets(world, release, place.sandbox !== undefined),
  }
}

export function storePaths(world: World, spec: Spec, folders: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(spec.stores).map(([name, entry]) => {
      const { driver, config } = storeOf(world, entry)
      return [name, driver.path(folderOf(name, entry, folders), config)]
    }),
  )
}

/** @throws FettleError INTERNAL for one of ours without a folder: it must never become a path in the root */
function folderOf(name: string, entry: Spec['stores'][string], folders: Record<string, string>): string {
  const folder = folders[name] || undefined
  if (folder === undefined && externalPath(entry) === undefined) throw new FettleError('INTERNAL', `the store ${name} has no folder`)
  return folder ?? EXTERNAL_FOLDER
}

/** A store outside of what fettle manages has an absolute path: its folder is the root. */
export const EXTERNAL_FOLDER = '/'

/** The driver is named by the first key of the store's entry; the entry is its configuration. */
export function storeOf(world: World, entry: Spec['stores'][string]) {
  const [name = ''] = Object.keys(entry)
  const driver = world.stores.get(name)
  if (driver === undefined) throw new FettleError('UNSUPPORTED', `there is no store driver ${name}`)
  return { driver, config: driver.config.parse(entry) }
}

/**
 * The values a release runs with: the versions it recorded, but for those that were rotated since, whose recorded value is no longer
 * valid anywhere. What was removed since is no longer there to return to; what serves keeps it, and in a drill it shows what serves now.
 * @throws FettleError SECRET_MISSING
 */
async function openSecrets(world: World, release: Release, isDrill: boolean): Promise<Record<string, Secret>> {
  if (release.secrets.length === 0) return {}
  const { app, environment } = release
  const own = world.secrets(app, environment, releaseFolder(world, release), () => namesBeside(release))
  const project = world.secrets(app, environment, dirname(release.file), () => namesBeside(release))
  const latest = (await project.latest()) ?? (await own.latest()) ?? []
  const { refs, rotated, gone } = refsForRollback(release.secrets, latest)
  const isKept = gone.length > 0 && (isDrill || (await world.proxy.current(app, environment))?.release === release.id)
  if (gone.length > 0 && !isKept) {
    throw new FettleError(
      'SECRET_MISSING',
      `${release.id} needs ${gone.join(', ')}, which ${gone.length === 1 ? 'was' : 'were'} removed since`,
      {
        hint: gone.map(name => `fettle secrets set ${name} --env ${environment}`).join('\n'),
      },
    )
  }
  const kept = release.secrets.filter(({ name }) => gone.includes(name))
  const bindings = bindSecrets(release.spec.secrets, [...refs, ...kept], isDrill ? 'sandbox' : 'live')
  const opened = [...bindings].map(async ([name, binding]) => {
    if ('dummy' in binding) return [name, new Secret(binding.dummy)] as const
    return [name, await (rotated.includes(name) ? project : own).open(binding.open)] as const
  })
  return Object.fromEntries(await Promise.all(opened))
}

/** As the file has them now, with all environments; without it, as the release had them. */
const namesBeside = ({ file, spec, environment }: Release): Promise<Set<string>> =>
  readProject({ file, environment }).then(
    project => spokenNames(project.spec, project.environments),
    () => spokenNames(spec, [environment]),
  )

/** A release keeps the encrypted file it was made with, in the same place below its folder. */
export const releaseFolder = (world: World, release: Release): string => world.layout.release(release.app, release.environment, release.id)
