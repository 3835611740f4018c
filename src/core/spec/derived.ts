/** What a spec means where it says nothing: derived in one place, so that plan, deploy and drill agree. */
import { references } from './references.ts'
import type { ReadyCheck, Service, SmokeTest, Spec, Store } from './schema.ts'

/** The service that a smoke test without `service` asks; undefined when there is no route. */
export function smokeTestService(spec: Pick<Spec, 'routes'>, test: Pick<SmokeTest, 'service'>): string | undefined {
  return test.service ?? spec.routes[0]?.to
}

/** Whether requests lead to the service: by a route, a smoke test, or its own readiness check. */
export function takesRequests(spec: Spec, service: string): boolean {
  const { http, tcp } = spec.services[service]?.ready ?? {}
  return (
    http !== undefined ||
    tcp === true ||
    spec.routes.some(({ to }) => to === service) ||
    spec.release.test.some(test => smokeTestService(spec, test) === service)
  )
}

/** Something else runs it: fettle keeps its data. */
export const isExternal = ({ services }: Pick<Spec, 'services'>): boolean => Object.keys(services).length === 0

/** A worker without a port and a check counts as up when it did not fall over at once. */
export const DEFAULT_UPTIME_MS = 500

/** A check that checks something: the service's own, else the port where requests lead to it, else that it stays up. */
export function readyCheck(spec: Spec, service: string): ReadyCheck {
  const ready = spec.services[service]?.ready ?? { within: 30_000 }
  const hasCheck = ready.http !== undefined || ready.tcp === true || ready.command !== undefined || ready.uptime !== undefined
  if (hasCheck) return ready
  return takesRequests(spec, service) ? { ...ready, tcp: true } : { ...ready, uptime: DEFAULT_UPTIME_MS }
}

/** Environment of `release.migrate`, before references are resolved. */
export function migrationEnvironment(spec: Spec): Service['env'] {
  const service = spec.routes[0]?.to ?? Object.keys(spec.services)[0]
  return spec.release.env ?? (service === undefined ? {} : (spec.services[service]?.env ?? {}))
}

/** Where the data of something else lies; undefined for a store of our own, whose folder the environment decides. */
export function externalPath(store: Store): string | undefined {
  const path = 'sqlite' in store ? store.sqlite : store.files
  return path.startsWith('/') ? path : undefined
}

/** Where data lies at absolute paths, with the files that SQLite keeps beside a database. */
export const externalFiles = ({ stores }: Pick<Spec, 'stores'>): string[] =>
  Object.values(stores).flatMap(store => {
    const path = externalPath(store)
    if (path === undefined) return []
    return 'sqlite' in store ? ['', '-wal', '-shm', '-journal'].map(suffix => path + suffix) : [path]
  })

/** Names of the secrets that a release can not do without: declared, or referred to. */
export function neededSecrets(spec: Spec): string[] {
  const environments = [...Object.values(spec.services).map(service => service.env), spec.release.env ?? {}]
  const texts = environments.flatMap(env => Object.values(env).map(String))
  const referred = texts.flatMap(text => references(text).flatMap(found => (found.kind === 'secret' ? [found.name] : [])))
  return [...new Set([...Object.keys(spec.secrets), ...referred])].sort()
}

/** What fettle itself says of the app in every message: a secret of such a value can not be hidden. */
export const spokenNames = (spec: Spec, environments: Iterable<string>): Set<string> =>
  new Set([spec.app, ...environments, ...Object.keys(spec.services), ...Object.keys(spec.stores), ...neededSecrets(spec)])

/** Also as a part of one: `prod` is said with every `production`. */
export const isSpoken = (names: ReadonlySet<string>, value: string): boolean => [...names].some(name => name.includes(value.trim()))
