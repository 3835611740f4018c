/**
 * A kind of data: how it is created, dumped, restored, fingerprinted and compared. A driver's methods run in a *data worker*: a
 * command of the runtime, beside the data, that outlives the agent. All folders are absolute paths.
 */
import type { Readable } from 'node:stream'

/**
 * What a store holds, small enough for a manifest, exact enough that equal fingerprints mean equal content. `items` locate a
 * difference: a table, a folder; content is an order-independent hash (a sum, so that duplicates count).
 */
export interface Fingerprint {
  format: 1
  driver: string
  /** `shared-view`: of exactly what was dumped. `of-the-dump`: computed from the dump while it was written. */
  of: 'shared-view' | 'of-the-dump'
  /** Hash of the shape: tables, columns, indices, triggers; '' for files. */
  schema: string
  items: Record<string, { rows: number; content: string }>
}

export interface Difference {
  item: string
  /** In words: `12 rows instead of 14`, `content differs`. */
  what: string
}

/** One stored object of a snapshot, in the order in which `load` needs them. */
export interface StoredObject {
  /** Name inside the repository; opaque. */
  name: string
  /** Of the stored (compressed, encrypted) bytes. */
  sha256: string
  storedBytes: number
  /** Of the payload before compression. */
  payloadBytes: number
  /** What the payload is, for people and for `load`: `sqlite-database`, `tar`, `tar-delta`. */
  content: string
}

export interface SnapshotPart {
  store: string
  driver: string
  objects: StoredObject[]
  fingerprint: Fingerprint
  /** Wall clock, ms, of the moment whose content this is. */
  takenAt: number
  /** The part refers to objects that earlier snapshots wrote too. */
  reused: boolean
  /** Anything a driver needs for the next incremental dump; small. */
  hints?: Record<string, unknown>
}

/** Where a dump's payload goes: compressed, encrypted, hashed and stored by the repository. */
export interface Sink {
  /** Writes one object from a stream of payload bytes. */
  write(content: string, payload: Readable | AsyncIterable<Uint8Array>): Promise<StoredObject>
}
export interface Source {
  /** The payload of a stored object; the stream fails with DAMAGED when bytes are not those that were written. */
  read(object: StoredObject): Readable
}

export interface Loss {
  /** Item → rows (files) that exist now and would be gone or changed. */
  items: Record<string, number>
  precision: 'exact' | 'at-least' | 'unknown'
}

export interface Store<Config = unknown> {
  readonly driver: string
  /** Shown where a proof is explained. */
  readonly equality: Fingerprint['of']
  /** What `${stores.x.path}` means inside a folder of live or scratch data. */
  path(folder: string, config: Config): string
  /** An empty store in an empty folder. Idempotent. */
  create(folder: string, config: Config): Promise<void>
  /**
   * Writes the content as of one moment while it is in use. `previous` is the part of the newest snapshot whose objects are all still
   * there: a driver may refer to them in place of writing them again. Calls `viewed` once the moment is fixed, to measure the skew.
   */
  dump(
    folder: string,
    config: Config,
    sink: Sink,
    options: { store: string; previous?: SnapshotPart; viewed(): void; signal: AbortSignal },
  ): Promise<SnapshotPart>
  /** Fills an empty folder. The content is fsynced before it resolves. */
  load(part: SnapshotPart, source: Source, folder: string, config: Config, signal: AbortSignal): Promise<void>
  fingerprint(folder: string, config: Config, signal: AbortSignal): Promise<Fingerprint>
  /** What would be lost by going back from `folder` to the part. */
  changedSince(part: SnapshotPart, folder: string, config: Config, signal: AbortSignal): Promise<Loss>
  /** First value of the first row. Only where the driver speaks SQL. */
  query?(folder: string, config: Config, sql: string): Promise<string | number | null>
  /** Number of files that match. */
  countFiles?(folder: string, config: Config, glob: string): Promise<number>
}
