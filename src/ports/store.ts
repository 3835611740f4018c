/**
 * A kind of data: how it is created, dumped, restored, fingerprinted and compared. A driver's methods run in a *data worker*: a
 * command of the runtime, beside the data, that outlives the agent. All folders are absolute paths. A store whose configuration names
 * an absolute path is somebody else's: its live folder is `/`; in a scratch folder it gets the same path below that.
 */
import type { Difference, Fingerprint, Loss, SnapshotPart, StoredObject } from '../core/snapshot.ts'

export type { Difference, Fingerprint, Loss, SnapshotPart, StoredObject }

/** Where a dump's payload goes: compressed, encrypted, hashed and stored by the repository. */
export interface Sink {
  /** Writes one object from a stream of payload bytes. A piece is used up before the next is asked for, so its memory may be used again. */
  write(content: string, payload: AsyncIterable<Uint8Array>): Promise<StoredObject>
}
export interface Source {
  /** The payload of a stored object; the stream fails with DAMAGED when bytes are not those that were written. */
  read(object: StoredObject): AsyncIterable<Uint8Array>
}

export interface DumpOptions {
  store: string
  /** The part of the newest snapshot, when its objects may be referred to in place of writing them again. */
  previous?: SnapshotPart
  /** An existing private folder for temporary copies; the caller removes it. */
  scratch: string
  /** A private folder for what makes the next dump faster (file names and hashes in plain). May be lost; without it every dump is full. */
  cache?: string
  /** Called once the moment is fixed; gives the wall clock, ms. */
  viewed(): number
  signal: AbortSignal
}

export interface LoadOptions {
  /** Fsynced before it resolves; not worth its time in a scratch folder. */
  durable: boolean
  signal: AbortSignal
}

export interface Store<Config = unknown> {
  readonly driver: string
  /** Reads the entry of a store in `fettle.yaml` (`{ sqlite: data.db }`) as the driver's configuration; a zod schema is one. */
  readonly config: { parse(value: unknown): Config }
  /** Shown where a proof is explained. */
  readonly equality: Fingerprint['of']
  /** What `${stores.x.path}` means inside a folder of live or scratch data. */
  path(folder: string, config: Config): string
  /** An empty store in an empty folder. Idempotent. */
  create(folder: string, config: Config): Promise<void>
  /**
   * Writes the content as of one moment while it is in use.
   * @throws NOT_FOUND when there is no such store, DAMAGED when it can not be read as what it is, REFUSED when a part of it is unreadable
   */
  dump(folder: string, config: Config, sink: Sink, options: DumpOptions): Promise<SnapshotPart>
  /** Fills an empty folder. @throws DAMAGED, CONFLICT when something is there */
  load(part: SnapshotPart, source: Source, folder: string, config: Config, options: LoadOptions): Promise<void>
  fingerprint(folder: string, config: Config, signal: AbortSignal): Promise<Fingerprint>
  /**
   * What would be lost by going back from `folder` to the part: nothing where the store is gone, `unknown` where it can not be read as
   * what it is. Neither is an error: that is what one restores for. @throws DAMAGED for the part
   */
  changedSince(
    part: SnapshotPart,
    source: Source,
    folder: string,
    config: Config,
    options: { scratch: string; signal: AbortSignal },
  ): Promise<Loss>
  /** First value of the first row, read only. Only where the driver speaks SQL. @throws TIMEOUT, TEST_FAILED with the database's words */
  query?(folder: string, config: Config, sql: string, timeoutMs: number): Promise<string | number | null>
  /** Number of files that match. */
  countFiles?(folder: string, config: Config, glob: string): Promise<number>
}
