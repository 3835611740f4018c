/** Decisions about secrets, by name and version only: what a deploy takes, what a rollback can still use, what a drill sees. */
import { FettleError } from './errors.ts'
import type { LatestSecret, SecretRef } from './secret.ts'

/** Those of `needed` that are not `available`, sorted. */
export function missingSecrets(needed: Iterable<string>, available: readonly SecretRef[]): string[] {
  const names = new Set(available.map(secret => secret.name))
  return [...new Set(needed)].filter(name => !names.has(name)).sort()
}

export interface SecretChange {
  name: string
  /** Version in the last release; undefined: new in this one. */
  from?: number
  /** Version in this release; undefined: no longer declared. */
  to?: number
}

export interface SecretPlan {
  /** What the release will hold, by name. */
  refs: SecretRef[]
  /** What the plan prints: never a value or its hash, which could be guessed. */
  changes: SecretChange[]
}

/**
 * What a deploy takes: the newest version of every declared secret.
 * @throws FettleError SECRET_MISSING when one is declared and not there, and says so if the last release had it: deploying
 * without would start the app with a hole in its configuration.
 */
export function planSecrets(
  declared: Iterable<string>,
  latest: readonly LatestSecret[],
  previous: readonly SecretRef[],
  environment: string,
): SecretPlan {
  const names = [...new Set(declared)].sort()
  refuseMissing(missingSecrets(names, latest), previous, environment)
  const versions = versionsByName(latest)
  const refs = names.map(name => ({ name, version: versions.get(name) ?? 0 }))
  return { refs, changes: changesBetween(previous, refs) }
}

function refuseMissing(missing: string[], previous: readonly SecretRef[], environment: string): void {
  if (missing.length === 0) return
  const before = versionsByName(previous)
  const lost = missing.filter(name => before.has(name))
  const words = missing.map(name => (before.has(name) ? `${name} (the last release has version ${before.get(name)})` : name))
  throw new FettleError('SECRET_MISSING', `${environment} lacks ${missing.length === 1 ? 'a secret' : 'secrets'}: ${words.join(', ')}`, {
    hint: missing.map(name => `fettle secrets set ${name} --env ${environment}`).join('\n'),
    context: { environment, missing, lost },
  })
}

/** What differs between the secrets of two releases, by name. */
export function changesBetween(previous: readonly SecretRef[], next: readonly SecretRef[]): SecretChange[] {
  const [from, to] = [versionsByName(previous), versionsByName(next)]
  return [...new Set([...from.keys(), ...to.keys()])]
    .sort()
    .map(name => ({ name, from: from.get(name), to: to.get(name) }))
    .filter(change => change.from !== change.to)
}

export interface RollbackSecrets {
  refs: SecretRef[]
  /** Taken in their newest version, since the recorded value was rotated away: the plan lists them. */
  rotated: string[]
  /** Recorded by the release and removed since: the rollback is refused unless they are set again. */
  gone: string[]
}

/** What an earlier release gets when it returns: the versions it recorded, except those that were rotated since. */
export function refsForRollback(recorded: readonly SecretRef[], latest: readonly LatestSecret[]): RollbackSecrets {
  const newest = new Map(latest.map(secret => [secret.name, secret]))
  const result: RollbackSecrets = { refs: [], rotated: [], gone: [] }
  for (const { name, version } of recorded) {
    const now = newest.get(name)
    if (now === undefined) {
      result.gone.push(name)
    } else if (version < (now.rotated ?? 0)) {
      result.rotated.push(name)
      result.refs.push({ name, version: now.version })
    } else {
      result.refs.push({ name, version })
    }
  }
  return result
}

function versionsByName(refs: readonly SecretRef[]): Map<string, number> {
  return new Map(refs.map(ref => [ref.name, ref.version]))
}
