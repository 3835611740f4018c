/** The steps of backups, restores and drills: taking, committing, retaining, loading and comparing snapshots. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { FettleError } from '../../core/errors.ts'
import { formatCount, plural } from '../../core/format.ts'
import { retentionPlan } from '../../core/retention.ts'
import { type Expectation, type Spec, Store as StoreConfig } from '../../core/spec/schema.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import type { Manifest, Proof, Repository, Rung } from '../../ports/repository.ts'
import { endCommand, forgetLost } from '../commands.ts'
import { changedSinceTask, expectTask, loadTask, takeTask, verifyTask } from '../data-tasks.ts'
import { addNotes, readRelease } from '../environment.ts'
import { storeOf } from '../groups.ts'
import type { World } from '../world.ts'

const Folders = z.record(z.string(), z.string())
const Configs = z.record(z.string(), StoreConfig)
const BackupsInput = z.custom<Spec['backups']>(value => typeof value === 'object' && value !== null)
const ManifestInput = z.custom<Manifest>(value => typeof value === 'object' && value !== null)

const repositoryOf = async (world: World, context: StepContext, backups: Spec['backups']): Promise<Repository> => {
  const repository = await world.repository(context.operation.app, backups)
  await repository.open()
  return repository
}

async function removeAll(folders: Record<string, string>): Promise<void> {
  for (const folder of Object.values(folders)) await rm(folder, { recursive: true, force: true })
}

/** Sorts by time, is unique by operation, and is a file name everywhere. */
const snapshotId = (takenAt: number, operation: string): string =>
  `${new Date(takenAt).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}-${operation}`

const storesCreate = (world: World) =>
  stepKind({
    kind: 'stores.create@1',
    input: z.object({ configs: Configs, folders: Folders }),
    cancel: 'at-end',
    silentForMs: 30_000,
    observe: async () => 'partial',
    async run({ configs, folders }, { fault }) {
      for (const [name, config] of Object.entries(configs)) {
        const folder = folders[name] ?? ''
        await mkdir(folder, { recursive: true, mode: 0o700 })
        const store = storeOf(world, config)
        await store.driver.create(folder, store.config)
        await fault(name)
      }
      return { folders }
    },
    undo: ({ folders }) => removeAll(folders),
  })

const snapshotTake = (world: World) =>
  stepKind({
    kind: 'snapshot.take@1',
    input: z.object({ configs: Configs, folders: Folders, backups: BackupsInput, release: z.string(), label: z.string() }),
    cancel: 'now',
    silentForMs: 120_000,
    observe: async () => 'partial',
    async run(input, context) {
      const { app, environment, id } = context.operation
      const repository = await repositoryOf(world, context, input.backups)
      await repository.begin(id)
      const [previous] = await repository.list(app, environment)
      const { parts, skewMs, how } = await takeTask(world, context, { ...input, ...(previous === undefined ? {} : { previous }) })
      const takenAt = Math.min(...parts.map(part => part.takenAt))
      const manifest: Manifest = {
        format: 1,
        id: snapshotId(takenAt, id),
        app,
        environment,
        release: input.release,
        label: input.label,
        takenAt,
        skewMs,
        parts,
        fettle: world.version,
        how,
      }
      return { manifest: JSON.parse(JSON.stringify(manifest)) }
    },
    async undo(input, context) {
      await endCommand(world, context)
      const repository = await repositoryOf(world, context, input.backups)
      await repository.abandon(context.operation.id)
    },
  })

const snapshotCommit = (world: World) =>
  stepKind({
    kind: 'snapshot.commit@1',
    input: z.object({ manifest: ManifestInput, backups: BackupsInput }),
    cancel: 'at-end',
    silentForMs: 30_000,
    async observe({ manifest, backups }, context) {
      const listed = await (await repositoryOf(world, context, backups)).list(manifest.app, manifest.environment)
      // Not present: committing again is harmless, and tidies up what a crash left of the transaction.
      return listed.some(other => other.id === manifest.id) ? 'partial' : 'absent'
    },
    async run({ manifest, backups }, context) {
      await (await repositoryOf(world, context, backups)).commit(context.operation.id, manifest)
      const release = await readRelease(world, manifest.app, manifest.environment, manifest.label.replace(/^before /, ''))
      if (release !== undefined) await addNotes(world, release, { snapshot: manifest.id })
      return { snapshot: manifest.id }
    },
    // A snapshot harms nobody: it stays, also when the deploy it was taken for does not.
    undo: 'nothing',
  })

const snapshotsRetain = (world: World) =>
  stepKind({
    kind: 'snapshots.retain@1',
    input: z.object({ backups: BackupsInput, protect: z.array(z.string()) }),
    cancel: 'at-end',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run({ backups, protect }, context) {
      const { app, environment } = context.operation
      const repository = await repositoryOf(world, context, backups)
      const manifests = await repository.list(app, environment)
      const points = await Promise.all(
        manifests.map(async ({ id, takenAt }) => ({ id, takenAt, proven: isProven(await repository.proofs(id)) })),
      )
      const { forget } = retentionPlan(points, backups.keep, world.clock.now())
      const ids = forget.filter(id => !protect.includes(id))
      const { freedBytes } = ids.length === 0 ? { freedBytes: 0 } : await repository.forget(ids)
      if (ids.length > 0) context.log(`${plural(ids.length, 'old snapshot')} removed: ${ids.join(', ')}`)
      return { forgotten: ids, freedBytes }
    },
    undo: 'nothing',
  })

export const isProven = (proofs: Proof[]): boolean =>
  proofs.some(proof => proof.passed && (proof.rung === 'content-equal' || proof.rung === 'booted'))

/** Fills empty folders from a snapshot and compares what arrived with what was backed up: exactly, or it fails. */
const snapshotLoad = (world: World) =>
  stepKind({
    kind: 'snapshot.load@1',
    input: z.object({ snapshot: z.string(), configs: Configs, folders: Folders, backups: BackupsInput }),
    cancel: 'now',
    silentForMs: 120_000,
    observe: async () => 'partial',
    async run(input, context) {
      const repository = await repositoryOf(world, context, input.backups)
      const manifest = await repository.get(input.snapshot)
      // A snapshot is loaded into empty folders only.
      if (await forgetLost(world, context)) await removeAll(input.folders)
      const began = world.clock.monotonic()
      const { compared, differences } = await loadTask(world, context, { ...input, manifest })
      const durationMs = Math.round(world.clock.monotonic() - began)
      const proof = { rung: 'content-equal', at: world.clock.now(), operation: context.operation.id, durationMs, compared } as const
      if (differences.length > 0) {
        const note = differences.map(difference => `${difference.store}/${difference.item}: ${difference.what}`).join('; ')
        await repository.addProof(manifest.id, { ...proof, passed: false, note })
        throw new FettleError('DIFFERENT', `what was restored from ${manifest.id} is not what was backed up: ${note}`, {
          hint: '`fettle snapshots` shows the newest proven one; take a new backup, then `fettle drill`.',
        })
      }
      await repository.addProof(manifest.id, { ...proof, passed: true })
      context.log(`${formatCount(compared)} rows and files compared: equal`)
      return { compared, durationMs, snapshot: manifest.id }
    },
    async undo({ folders }, context) {
      await endCommand(world, context)
      await removeAll(folders)
    },
  })

/** Re-reads the stored bytes of a snapshot against their hashes. */
const snapshotVerify = (world: World) =>
  stepKind({
    kind: 'snapshot.verify@1',
    input: z.object({ snapshot: z.string(), backups: BackupsInput }),
    cancel: 'now',
    silentForMs: 120_000,
    observe: async () => 'partial',
    async run({ snapshot, backups }, context) {
      const manifest = await (await repositoryOf(world, context, backups)).get(snapshot)
      const { objects, bytes } = await verifyTask(world, context, { manifest, backups })
      return { objects, bytes }
    },
    async undo(_input, context) {
      await endCommand(world, context)
    },
  })

const drillExpect = (world: World) =>
  stepKind({
    kind: 'drill.expect@1',
    input: z.object({ configs: Configs, folders: Folders, expect: z.custom<Expectation[]>(value => Array.isArray(value)) }),
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, context) {
      const results = await expectTask(world, context, input)
      const failed = results.filter(result => !result.passed)
      if (failed.length > 0)
        throw new FettleError('TEST_FAILED', `restored data is not as expected: ${failed.map(result => result.text).join('; ')}`)
      for (const result of results) context.log(result.text)
      return { passed: results.length }
    },
    async undo(_input, context) {
      await endCommand(world, context)
    },
  })

const proofAdd = (world: World) =>
  stepKind({
    kind: 'proof.add@1',
    input: z.object({
      snapshot: z.string(),
      backups: BackupsInput,
      rung: z.custom<Rung>(value => typeof value === 'string'),
      compared: z.number(),
      durationMs: z.number(),
      note: z.string().optional(),
    }),
    cancel: 'at-end',
    silentForMs: 10_000,
    async observe({ snapshot, rung, backups }, context) {
      const proofs = await (await repositoryOf(world, context, backups)).proofs(snapshot)
      return proofs.some(proof => proof.operation === context.operation.id && proof.rung === rung) ? { present: { rung } } : 'absent'
    },
    async run({ snapshot, backups, ...proof }, context) {
      const repository = await repositoryOf(world, context, backups)
      await repository.addProof(snapshot, { ...proof, at: world.clock.now(), operation: context.operation.id, passed: true })
      return { rung: proof.rung }
    },
    undo: 'nothing',
  })

/** Counts, at the last moment, what goes with the data that is replaced; that stays aside in its folder. */
const lossCount = (world: World) =>
  stepKind({
    kind: 'loss.count@1',
    input: z.object({ snapshot: z.string(), configs: Configs, folders: Folders, backups: BackupsInput }),
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, context) {
      const manifest = await (await repositoryOf(world, context, input.backups)).get(input.snapshot)
      const loss = await changedSinceTask(world, context, { ...input, manifest })
      return { rows: loss.rows, precision: loss.precision, items: loss.items }
    },
    async undo(_input, context) {
      await endCommand(world, context)
    },
  })

export const liveFolder = (world: World, app: string, environment: string, store: string, generation: string): string =>
  join(world.layout.liveStore(app, environment, store), generation)

export const snapshotKinds = (world: World) => [
  storesCreate(world),
  snapshotTake(world),
  snapshotCommit(world),
  snapshotsRetain(world),
  snapshotLoad(world),
  snapshotVerify(world),
  drillExpect(world),
  proofAdd(world),
  lossCount(world),
]
