/**
 * Where snapshots live. Objects are written under a transaction's name and are invisible until its manifest is committed: that one
 * atomic write is the pivot of a backup.
 */
import type { Manifest, Proof, Rung, SnapshotName, SnapshotPart } from '../core/snapshot.ts'
import type { Sink, Source } from './store.ts'

export type { Manifest, Proof, Rung, SnapshotName }

/** A manifest that is there and can not be read. */
export interface Unreadable {
  /** As its name says it. */
  id: string
  path: string
  reason: string
}

/** All that is there of one environment; newest first. Show the others beside one's own: nothing that is there is hidden. */
export interface Listed {
  /** Those that the user's key opens. */
  own: Manifest[]
  /** Those that are sealed for other keys only, as of another home on the same repository, or of a key that was lost. */
  foreign: Manifest[]
  /** By their names; those of fettle's own sort by time. */
  unreadable: Unreadable[]
}

export interface Repository {
  /** Before the first `begin`; who only reads need not, and finds nothing where nothing is. Idempotent: creates what is missing. @throws READ_ONLY, DISK_FULL */
  open(): Promise<void>
  /** Tells it from every other; made when it is first opened. Undefined where nothing was ever opened, or the disk is not there. */
  id(): Promise<string | undefined>
  /** Begins or continues the transaction of this name. Names are the owner's: another user of the repository may have the same. */
  begin(operation: string): Promise<void>
  /** Objects go to the transaction. Safe for several streams at once. */
  sink(operation: string): Sink
  /** Makes the snapshot visible, atomically and durably. Idempotent for the same manifest. @throws CONFLICT when an object it refers to is gone */
  commit(operation: string, manifest: Manifest): Promise<void>
  /** This owner's transactions without a manifest. */
  pending(): Promise<string[]>
  /** Removes what a transaction wrote. Idempotent. */
  abandon(operation: string): Promise<void>

  list(app: string, environment: string): Promise<Listed>
  /** @throws NOT_FOUND, DAMAGED */
  get(name: SnapshotName): Promise<Manifest>
  source(): Source
  /**
   * Whether a later snapshot may refer to the part's objects instead of writing them again: all are there in full length, none was ever
   * read as damaged, and no proof of content of a snapshot that holds them failed.
   */
  isReusable(part: SnapshotPart): Promise<boolean>
  /** Re-reads stored bytes against their hashes. @throws DAMAGED naming the object */
  verify(manifest: Manifest, signal: AbortSignal): Promise<{ objects: number; bytes: number }>
  /** Shell commands that restore the parts without fettle, with standard tools; for the manifest. */
  howToRestore(parts: SnapshotPart[]): string[]
  /** In the order in which they were added. @throws NOT_FOUND */
  proofs(name: SnapshotName): Promise<Proof[]>
  /** @throws NOT_FOUND, READ_ONLY, DISK_FULL */
  addProof(name: SnapshotName, proof: Proof): Promise<void>
  /**
   * Removes manifests, then objects that no manifest and no open transaction refers to. Unknown names are fine.
   * @throws DAMAGED while any manifest is unreadable: what it refers to is not known
   */
  forget(names: readonly SnapshotName[]): Promise<{ freedBytes: number }>
}
