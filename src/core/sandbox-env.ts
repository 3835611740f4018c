/**
 * What stands behind `${secrets.NAME}`: live, a reference that is opened in the last moment; in a drill or rehearsal, a dummy
 * for what belongs to somebody outside, so that nothing under test can reach them.
 */
import type { SecretRef } from './secret.ts'

export type Place = 'live' | 'sandbox'
export type SecretBinding = { open: SecretRef } | { dummy: string }

/** The binding of each declared secret that the release holds; `external` ones are dummies in a sandbox. */
export function bindSecrets(
  declared: Readonly<Record<string, { external: boolean }>>,
  refs: readonly SecretRef[],
  place: Place,
): Map<string, SecretBinding> {
  const bind = (ref: SecretRef): SecretBinding =>
    place === 'sandbox' && Object.hasOwn(declared, ref.name) && declared[ref.name]?.external ? { dummy: dummyFor(ref.name) } : { open: ref }
  return new Map(refs.map(ref => [ref.name, bind(ref)]))
}

/**
 * A recognisable stand-in, always the same. A name that ends in URL gets one that parses, since apps parse it at boot; `.invalid`
 * never resolves (RFC 2606).
 */
export function dummyFor(name: string): string {
  const word = `dummy-${name.replaceAll('_', '-').toLowerCase()}`
  return /_?(URL|URI)$/i.test(name) ? `https://${word}.invalid` : `dummy-${name}`
}
