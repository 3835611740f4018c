/** The steps on snapshots: taking, committing, retaining, loading and comparing them. */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { toFettleError } from '../../core/errors.ts'
import { formatCount, plural } from '../../core/format.ts'
import { isDrilled, isProven, standingFailure } from '../../core/proof.ts'
import { retentionPlan } from '../../core/retention.ts'
import { snapshotId } from '../../core/snapshot.ts'
import { briefNotes } from '../../core/snapshot-notes.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import { removeTree } from '../../lib/remove-tree.ts'
import type { Manifest, Repository, SnapshotName } from '../../ports/repository.ts'
import { Budget, withinBudget } from '../budget.ts'
import { endCommand, forgetLost } from '../commands.ts'
import { changedSinceTask, loadTask, takeTask } from '../data-tasks.ts'
import { addNotes, readRelease } from '../environment.ts'
import { storeOf } from '../groups.ts'
import { goneText } from '../snapshots/loss.ts'
import { recordProof } from '../snapshots/proving.ts'
import { rememberRepository, requireRepository } from '../snapshots/repository-record.ts'
import type { World } from '../world.ts'
import { BackupsInput, Configs, Folders, ManifestInput, repositoryOf, snapshotName } from './data-input.ts'

async function removeAll(folders: Record<string, string>): Promise<void> {
  for (const folder of Object.values(folders)) await removeTree(folder)
}

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
    input: z.object({
      configs: Configs,
      folders: Folders,
      backups: BackupsInput,
      release: z.string(),
      label: z.string(),
      labelled: z.boolean().default(false),
      newRepository: z.boolean().default(false),
      file: z.string().optional(),
    }),
    cancel: 'now',
    silentForMs: 120_000,
    observe: async () => 'partial',
    async run(input, context) {
      const { app, environment, id } = context.operation
      const repository = await repositoryOf(world, context, input.backups)
      if (!input.newRepository) await requireRepository(world, context.operation, input.backups)
      await repository.open()
      await rememberRepository(world, context.operation, input, repository)
      await repository.begin(id)
      const [previous] = (await repository.list(app, environment)).own
      const { parts, skewMs, how } = await takeTask(world, context, { ...input, ...(previous === undefined ? {} : { previous }) })
      const notes = briefNotes(parts)
      if (notes !== undefined) context.tell(notes)
      const takenAt = Math.min(...parts.map(part => part.takenAt))
      const manifest: Manifest = {
        format: 1,
        id: snapshotId(takenAt, id, randomBytes(3).toString('hex')),
        app,
        environment,
        release: input.release,
        label: input.label,
        ...(input.labelled ? { labelled: true } : {}),
        takenAt,
        skewMs,
        parts,
        fettle: world.version,
        recipients: (await world.repositoryConfig(app, input.backups)).recipients,
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
      const { own } = await (await repositoryOf(world, context, backups)).list(manifest.app, manifest.environment)
      // Not present: committing again is harmless, and tidies up what a crash left of the transaction.
      return own.some(other => other.id === manifest.id) ? 'partial' : 'absent'
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

/** What was backed up is safe, also while nothing old can be removed: that is told with the end. @returns freed bytes, undefined then */
async function forgetOld(repository: Repository, names: SnapshotName[], context: StepContext): Promise<number | undefined> {
  try {
    return (await repository.forget(names)).freedBytes
  } catch (thrown) {
    const error = toFettleError(thrown)
    if (error.code !== 'DAMAGED') throw thrown
    context.complain(error)
    return undefined
  }
}

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
      const { own } = await repository.list(app, environment)
      const points = await Promise.all(
        own.map(async manifest => {
          const proofs = await repository.proofs(manifest)
          const { id, takenAt, labelled = false } = manifest
          const failed = standingFailure(proofs) !== undefined
          return { id, takenAt, proven: isProven(proofs), drilled: isDrilled(proofs), failed, labelled }
        }),
      )
      const { forget } = retentionPlan(points, backups.keep, world.clock.now())
      const ids = forget.filter(id => !protect.includes(id))
      const doomed = own.filter(({ id }) => ids.includes(id)).map(({ id, label }) => `${id} (${label})`)
      // An attempt before this one may have ended between the manifests and their objects: then there is no id left, and still something to remove.
      const isClean = ids.length === 0 && context.attempt === 1
      const names = ids.map(id => snapshotName(context, id))
      const freedBytes = isClean ? 0 : await forgetOld(repository, names, context)
      if (ids.length > 0 && freedBytes !== undefined) context.tell(`${plural(ids.length, 'old snapshot')} removed: ${doomed.join(', ')}`)
      return freedBytes === undefined ? { forgotten: [], freedBytes: 0 } : { forgotten: ids, freedBytes }
    },
    undo: 'nothing',
  })

/** Fills empty folders from a snapshot and compares what arrived with what was backed up: exactly, or it fails. */
const snapshotLoad = (world: World) =>
  stepKind({
    kind: 'snapshot.load@1',
    // A copy for a rehearsal or drill need not be durable: after a power cut its operation fails, and removes it.
    input: z.object({
      snapshot: z.string(),
      configs: Configs,
      folders: Folders,
      backups: BackupsInput,
      durable: z.boolean().default(true),
      budget: Budget.optional(),
    }),
    cancel: 'now',
    silentForMs: 120_000,
    observe: async () => 'partial',
    async run(input, context) {
      const repository = await repositoryOf(world, context, input.backups)
      const manifest = await repository.get(snapshotName(context, input.snapshot))
      // A snapshot is loaded into empty folders only.
      if (await forgetLost(world, context)) await removeAll(input.folders)
      const began = world.clock.monotonic()
      const { compared } = await withinBudget(context, input.budget, bounded => loadTask(world, bounded, { ...input, manifest }))
      const durationMs = Math.round(world.clock.monotonic() - began)
      const proof = { rung: 'content-equal', at: world.clock.now(), operation: context.operation.id, durationMs, compared } as const
      await recordProof(context, repository, manifest.id, { ...proof, passed: true })
      context.log(`${formatCount(compared)} rows and files compared: equal`)
      // A deploy has just told of the snapshot that it took.
      const notes = context.operation.kind === 'deploy' ? undefined : briefNotes(manifest.parts)
      if (notes !== undefined) context.tell(`equal to the snapshot, of which it says: ${notes}`)
      return { compared, durationMs, snapshot: manifest.id }
    },
    async undo({ folders }, context) {
      await endCommand(world, context)
      await removeAll(folders)
    },
  })

/** Counts, at the last moment, what goes with the data that is replaced; that stays aside in its folder. */
const lossCount = (world: World) =>
  stepKind({
    kind: 'loss.count@1',
    input: z.object({
      snapshot: z.string(),
      configs: Configs,
      folders: Folders,
      backups: BackupsInput,
      /** What was said before it was agreed to. */
      announced: z.string().optional(),
    }),
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, context) {
      const manifest = await (await repositoryOf(world, context, input.backups)).get(snapshotName(context, input.snapshot))
      const loss = await changedSinceTask(world, context, { ...input, manifest })
      const gone = goneText(loss, input.announced, Object.values(input.folders))
      if (gone !== undefined) context.tell(gone)
      return { rows: loss.rows, precision: loss.precision, items: loss.items, announced: input.announced ?? null }
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
  lossCount(world),
]
