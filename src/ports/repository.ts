/**
 * Where snapshots live. Objects are written under a transaction's name and are invisible until its manifest is committed: that one
 * atomic write is the pivot of a backup.
 */
import type { Sink, SnapshotPart, Source } from './store.ts'

export interface Manifest {
  format: 1
  id: string
  app: string
  environment: string
  /** The release that served when it was taken; '' when none. */
  release: string
  /** Why: `by hand`, `before r4`, … */
  label: string
  /** Wall clock, ms. */
  takenAt: number
  /** Between the first and the last store's moment, ms. */
  skewMs: number
  parts: SnapshotPart[]
  fettle: string
  /** How a person restores it without fettle, with standard tools. */
  how: string[]
}

/** The ladder; each rung includes those before it. */
export type Rung = 'taken' | 'stored' | 're-read' | 'loaded' | 'content-equal' | 'booted'

/** One thing shown about a snapshot, at a time. Appended, never changed. */
export interface Proof {
  rung: Rung
  at: number
  operation: string
  durationMs: number
  /** Rows and files compared. */
  compared: number
  passed: boolean
  /** Why it stopped at this rung, or what failed. */
  note?: string
}

export interface Repository {
  /** Idempotent: creates what is missing. @throws READ_ONLY, DISK_FULL */
  open(): Promise<void>
  /** Begins or continues the transaction of this name. */
  begin(operation: string): Promise<void>
  /** Objects go to the transaction. Safe for several streams at once. */
  sink(operation: string): Sink
  /** Makes the snapshot visible, atomically and durably. Idempotent for the same manifest. */
  commit(operation: string, manifest: Manifest): Promise<void>
  /** Transactions without a manifest. */
  pending(): Promise<string[]>
  /** Removes what a transaction wrote. Idempotent. */
  abandon(operation: string): Promise<void>

  /** Newest first. A manifest that can not be read is reported, not skipped. */
  list(app: string, environment: string): Promise<Manifest[]>
  get(id: string): Promise<Manifest>
  source(): Source
  /** Re-reads stored bytes against their hashes. @throws DAMAGED naming the object */
  verify(manifest: Manifest, signal: AbortSignal): Promise<{ objects: number; bytes: number }>
  proofs(id: string): Promise<Proof[]>
  addProof(id: string, proof: Proof): Promise<void>
  /** Removes manifests, then objects that no manifest refers to. */
  forget(ids: string[]): Promise<{ freedBytes: number }>
}
