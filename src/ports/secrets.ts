/** Where secret values come from. Plans and releases hold references; values are opened in the last moment. */
import type { LatestSecret, Secret, SecretRef } from '../core/secret.ts'

export interface SecretSource {
  /** Newest version of each name that exists. */
  latest(): Promise<LatestSecret[]>
  /** @throws FettleError SECRET_MISSING, SECRET_LOCKED */
  open(ref: SecretRef): Promise<Secret>
}
