/** A release: an immutable record of what runs. Written once; what is learnt about it later stands in its notes. */
import type { SecretRef } from './secret.ts'
import type { Spec } from './spec/schema.ts'

export interface Release {
  format: 1
  /** `r` and its number. */
  id: string
  number: number
  app: string
  environment: string
  /** Wall clock, ms. */
  createdAt: number
  /** The operation that made it. */
  operation: string
  /** `key` names the built folder, `digest` is of the source, `source` says where that came from. */
  artifact: { key: string; digest: string; source: string }
  /** The file with the environment's overlay, references unresolved. */
  spec: Spec
  secrets: SecretRef[]
  /** The fettle.yaml it was made from. */
  file: string
  fettle: string
}

export type Reversible = 'proved' | 'refuted' | 'unproven' | 'no migration'

export interface ReleaseNotes {
  /** Whether the release before it passed its tests on data that this one had migrated. */
  reversible?: Reversible
  /** The snapshot taken just before it. */
  snapshot?: string
  /** How it ended, when not by the next release. */
  note?: string | undefined
  /** Wall clock, ms: when it last began to serve. */
  servedAt?: number
}
