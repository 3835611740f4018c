/** From a release's words to what a runtime runs: references resolved, secrets opened, live or in a scratch place. */
import { join } from 'node:path'
import { FettleError } from '../core/errors.ts'
import { groupName } from '../core/names.ts'
import type { Release } from '../core/release.ts'
import { Secret } from '../core/secret.ts'
import { resolveReferences } from '../core/spec/references.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Environment as ProcessEnvironment, Group, SandboxName } from '../ports/runtime.ts'
import type { World } from './world.ts'

/** Where a release runs: against live data, or against copies in a sandbox. */
export interface Place {
  /** Store → folder. */
  stores: Record<string, string>
  sandbox?: SandboxName
}

/** Words are split by the shell that runs them; the shell is replaced by what it runs. */
export const shellArgv = (command: string): string[] => ['/bin/sh', '-c', /[;&|<>()$`\n]/.test(command) ? command : `exec ${command}`]

export const releaseSource = (world: World, release: Release): string => world.layout.artifact(release.app, release.environment, release.artifact.key)

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
  const { app, environment } = release
  return {
    name: groupName(app, environment, serviceName, activation),
    labels: { app, environment, service: serviceName, release: release.id },
    argv: shellArgv(service.run),
    cwd: releaseSource(world, release),
    env: await resolveEnvironment(world, release, service.env, place),
    instances: instances ?? service.instances,
    port: true,
    ...(service.ready === undefined ? {} : { ready: service.ready }),
    stop: { signal: service.stop.signal, drainMs: service.stop.drain },
    limits: service.limits.memory === undefined ? {} : { memoryBytes: service.limits.memory },
    ...(place.sandbox === undefined ? {} : { sandbox: place.sandbox }),
  }
}

/** @throws FettleError SECRET_MISSING, SECRET_LOCKED */
export async function resolveEnvironment(
  world: World,
  release: Release,
  entries: Record<string, string | number | boolean>,
  place: Place,
): Promise<ProcessEnvironment> {
  const scope = {
    app: release.app,
    environment: release.environment,
    release: release.id,
    stores: storePaths(world, release.spec, place.stores),
    secrets: await openSecrets(world, release, place.sandbox !== undefined),
  }
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, typeof value === 'string' ? resolveReferences(value, scope) : String(value)]))
}

export function storePaths(world: World, spec: Spec, folders: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(spec.stores).map(([name, config]) => [name, storeDriver(world, config).path(folders[name] ?? '', config)]),
  )
}

/** The driver is named by the key of the store's entry. */
export function storeDriver(world: World, config: Spec['stores'][string]) {
  const name = Object.keys(config)[0] ?? ''
  const driver = world.stores.get(name)
  if (driver === undefined) throw new FettleError('UNSUPPORTED', `there is no store driver ${name}`)
  return driver
}

async function openSecrets(world: World, release: Release, isDrill: boolean): Promise<Record<string, Secret>> {
  const source = world.secrets(release.app, releaseSecrets(world, release))
  const entries = release.secrets.map(async ref => {
    const isDummy = isDrill && release.spec.secrets[ref.name]?.external === true
    return [ref.name, isDummy ? new Secret(`dummy-${ref.name}`) : await source.open(ref)] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

/** A release keeps the encrypted file it was made with. */
export const releaseSecrets = (world: World, release: Release): string =>
  join(world.layout.release(release.app, release.environment, release.id), 'secrets.age')

/** A migration runs with `release.env`, or with what the service behind the first route gets. */
export function migrationEnvironment(world: World, release: Release, place: Place): Promise<ProcessEnvironment> {
  const { spec } = release
  const service = spec.routes[0]?.to ?? Object.keys(spec.services)[0]
  const entries = { ...(service === undefined ? {} : spec.services[service]?.env), ...spec.release.env }
  return resolveEnvironment(world, release, entries, place)
}
