/**
 * What a snapshot is made of, as data: read back from manifests, task files and results, so each schema parses what an
 * older or a damaged file may hold.
 */
import * as z from 'zod'

/**
 * What a store holds, small enough for a manifest, exact enough that equal fingerprints mean equal content. `items` locate a
 * difference: a table, a folder, never `__proto__` (`tableItem`, `folderItem`); `content` is an order-independent hash (a sum, so that duplicates count), or `at-least:n` for a
 * number that may only grow (a sequence).
 */
export const Fingerprint = z.object({
  format: z.literal(1),
  driver: z.string(),
  /** `shared-view`: of exactly what was dumped. `of-the-dump`: computed from the dump while it was written. */
  of: z.enum(['shared-view', 'of-the-dump']),
  /** Of the shape: a hash of tables, columns, indices, triggers; for files the mode of the root. */
  schema: z.string(),
  items: z.record(z.string(), z.object({ rows: z.number().int().nonnegative(), content: z.string() })),
})

/** Where two fingerprints differ. */
export const Difference = z.object({
  item: z.string(),
  /** In words: `12 rows instead of 14`, `content differs`. */
  what: z.string(),
})

/** One stored object of a snapshot, in the order in which `load` needs them. */
export const StoredObject = z.object({
  /** Name inside the repository; opaque. */
  name: z.string(),
  /** Of the stored (compressed, encrypted) bytes. */
  sha256: z.string(),
  storedBytes: z.number().int().nonnegative(),
  /** Of the payload before compression. */
  payloadBytes: z.number().int().nonnegative(),
  /** What the payload is, for people and for `load`: `sqlite-database`, `tar`, `tar-delta`. */
  content: z.string(),
})

export const SnapshotPart = z.object({
  store: z.string(),
  driver: z.string(),
  objects: z.array(StoredObject).min(1),
  fingerprint: Fingerprint,
  /** Wall clock, ms, of the moment whose content this is. */
  takenAt: z.number(),
  /** The part refers to objects that earlier snapshots wrote too. */
  reused: z.boolean(),
  /** What the dump does not cover, or saw moving while it read; in words, for people, and never with a name or value of the data. */
  notes: z.array(z.string()).optional(),
  /** How many there were beyond those: a manifest is no log. */
  moreNotes: z.number().int().positive().optional(),
  /** Anything a driver needs for the next incremental dump; small. */
  hints: z.record(z.string(), z.unknown()).optional(),
})

export const Manifest = z.object({
  format: z.literal(1),
  /** Unique within its environment, also between homes that share the repository. */
  id: z.string(),
  app: z.string(),
  environment: z.string(),
  /** The release that served when it was taken; '' when none. */
  release: z.string(),
  /** Why: `by hand`, `before r4`, … */
  label: z.string(),
  /** A person gave the label: retention does not take it for one of many. */
  labelled: z.literal(true).optional(),
  /** Wall clock, ms. */
  takenAt: z.number(),
  /** Between the first and the last store's moment, ms. */
  skewMs: z.number(),
  parts: z.array(SnapshotPart),
  fettle: z.string(),
  /** The public keys that its objects are sealed for. */
  recipients: z.array(z.string()).optional(),
  /** How a person restores it without fettle, with standard tools. */
  how: z.array(z.string()),
})

/** The ladder; each rung includes those before it. */
export const Rung = z.enum(['taken', 'stored', 're-read', 'loaded', 'content-equal', 'booted'])

/** One thing shown about a snapshot, at a time. Appended, never changed. */
export const Proof = z.object({
  rung: Rung,
  at: z.number(),
  operation: z.string(),
  durationMs: z.number(),
  /** Rows and files compared. */
  compared: z.number(),
  passed: z.boolean(),
  /** A drill passed as a whole: what the file expects of the data held too. */
  drill: z.literal(true).optional(),
  /** Why it stopped at this rung, or what failed; never what was found in the data, for it lies beside it unencrypted. */
  note: z.string().optional(),
})

/** What would be lost by going back. */
export const Loss = z.object({
  /** Item → rows (files) that exist now and would be gone or changed. */
  items: z.record(z.string(), z.number()),
  precision: z.enum(['exact', 'at-least', 'unknown']),
})

export type Fingerprint = z.output<typeof Fingerprint>
export type Difference = z.output<typeof Difference>
export type StoredObject = z.output<typeof StoredObject>
export type SnapshotPart = z.output<typeof SnapshotPart>
export type Manifest = z.output<typeof Manifest>
/** Which one is meant: an id alone says it within one environment only. */
export type SnapshotName = Pick<Manifest, 'app' | 'environment' | 'id'>
export type Rung = z.output<typeof Rung>
export type Proof = z.output<typeof Proof>
export type Loss = z.output<typeof Loss>

/**
 * `20261121-173624-op1-3f9a2c`: sorts by time and operation, and is a file name everywhere. Homes that share a repository count their
 * operations each from one; hence what is random at its end, which earlier versions did not have.
 */
export const snapshotId = (takenAt: number, operation: string, random: string): string =>
  `${new Date(takenAt).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}-${operation}-${random}`

/** The operation that took it; undefined where the id is not fettle's. */
export const operationOf = (snapshot: string): string | undefined => /-(op\d+)(?:-[0-9a-f]+)?$/.exec(snapshot)?.[1]
