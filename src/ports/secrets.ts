/** Where secret values come from. Plans and releases hold references; values are opened in the last moment. */
import type { LatestSecret, Secret, SecretRef } from '../core/secret.ts'

export interface SecretSource {
  /** Newest version of each name that exists; undefined where none was ever kept, not even one that was removed since. */
  latest(): Promise<LatestSecret[] | undefined>
  /** @throws FettleError SECRET_MISSING, SECRET_LOCKED */
  open(ref: SecretRef): Promise<Secret>
}

/** A source that can also be written: what `fettle secrets` works on. */
export interface SecretStore extends SecretSource {
  /** Names, versions and dates (ISO 8601), sorted by name; never values. */
  list(): Promise<(LatestSecret & { at: string })[]>
  /** The next version of a name. `rotated`: earlier values are no longer valid anywhere. @throws FettleError USAGE, BUSY */
  set(name: string, value: Secret, options: { rotated?: boolean }): Promise<SecretRef>
  /** @returns false when there is none of that name */
  remove(name: string): Promise<boolean>
}
