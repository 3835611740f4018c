/**
 * What a data worker is asked, and what it answers: JSON files, so that a worker outlives who asked, and its answer is found again.
 * No secret is in them: a key is named by the file (0600) that holds it.
 */
import * as z from 'zod'
import { Difference, Fingerprint, Manifest, SnapshotPart } from './snapshot.ts'
import { Expectation } from './spec/expectation.ts'

export const RepositoryConfig = z.object({
  driver: z.string(),
  folder: z.string(),
  /** Public keys to seal for. */
  recipients: z.array(z.string()),
  /** File with the secret key; needed only where stored data is read back. */
  identityFile: z.string().optional(),
  /** Who uses it; default: the name of the machine. */
  owner: z.string().optional(),
})

export const StoreAt = z.object({
  name: z.string(),
  driver: z.string(),
  /** Read by the driver's own schema. */
  config: z.unknown(),
  folder: z.string(),
})

/** Files that every task names; all absolute. */
const files = {
  /** Where the answer goes, by rename. There already: the task was done, and is not done again. */
  result: z.string(),
  /** Where progress is shown; rewritten while it goes on. */
  progress: z.string().optional(),
  /** Private folder for temporary copies; made when missing, emptied at the start and removed at the end. */
  scratch: z.string(),
}

export const DataTask = z.discriminatedUnion('task', [
  z.object({
    task: z.literal('snapshot.take'),
    ...files,
    operation: z.string(),
    repository: RepositoryConfig,
    stores: z.array(StoreAt),
    /** The newest snapshot of this environment. */
    previous: Manifest.optional(),
    /** Private folder of this environment for what makes the next dump faster. */
    cache: z.string().optional(),
  }),
  z.object({
    task: z.literal('snapshot.load'),
    ...files,
    repository: RepositoryConfig,
    parts: z.array(SnapshotPart),
    /** Empty folders to fill. */
    stores: z.array(StoreAt),
    /** false for a scratch place: nothing is fsynced. Default: true. */
    durable: z.boolean().optional(),
  }),
  z.object({ task: z.literal('fingerprint'), ...files, stores: z.array(StoreAt) }),
  z.object({
    task: z.literal('changed-since'),
    ...files,
    repository: RepositoryConfig,
    parts: z.array(SnapshotPart),
    stores: z.array(StoreAt),
  }),
  z.object({
    task: z.literal('expect'),
    ...files,
    stores: z.array(StoreAt),
    expect: z.array(Expectation),
    /** For each query. */
    timeoutMs: z.number().default(60_000),
  }),
  z.object({ task: z.literal('verify'), ...files, repository: RepositoryConfig, manifest: Manifest }),
])

export const TaskResults = {
  'snapshot.take': z.object({ parts: z.array(SnapshotPart), skewMs: z.number(), how: z.array(z.string()) }),
  'snapshot.load': z.object({
    fingerprints: z.record(z.string(), Fingerprint),
    /** Rows and files compared. */
    compared: z.number(),
    /** Where what was loaded is not what was taken; empty means equal. */
    differences: z.array(Difference.extend({ store: z.string() })),
  }),
  fingerprint: z.object({ fingerprints: z.record(z.string(), Fingerprint) }),
  'changed-since': z.object({
    /** The sum over all items. */
    rows: z.number(),
    /** `store/item` → rows. */
    items: z.record(z.string(), z.number()),
    precision: z.enum(['exact', 'at-least', 'unknown']),
  }),
  expect: z.object({
    /** `subject`: what was asked, as the file says it; `text`: with what was found. */
    results: z.array(z.object({ subject: z.string().default('an expectation'), text: z.string(), passed: z.boolean() })),
  }),
  verify: z.object({ objects: z.number(), bytes: z.number() }),
} as const

export const TaskProgress = z.object({
  /** What it does now, in words. */
  stage: z.string(),
  /** Payload bytes so far. */
  bytes: z.number(),
})

export type RepositoryConfig = z.output<typeof RepositoryConfig>
export type StoreAt = z.output<typeof StoreAt>
/** As it is written; what is read back has the defaults filled in. */
export type DataTask = z.input<typeof DataTask>
export type TaskName = DataTask['task']
export type TaskOf<Name extends TaskName> = Extract<z.output<typeof DataTask>, { task: Name }>
export type TaskResult<Name extends TaskName> = z.output<(typeof TaskResults)[Name]>
export type TaskProgress = z.output<typeof TaskProgress>
