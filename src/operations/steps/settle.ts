/** Steps around an activation: what is checked before, and what stopping, scaling and taking down need. */
import { mkdir, statfs } from 'node:fs/promises'
import * as z from 'zod'
import { FettleError } from '../../core/errors.ts'
import { formatBytes } from '../../core/format.ts'
import type { Scaled } from '../../core/scale.ts'
import { stepKind } from '../../engine/step.ts'
import { treeSize } from '../../lib/disk.ts'
import { removeTree } from '../../lib/remove-tree.ts'
import { listReleases, readEnvironment, removeRelease } from '../environment.ts'
import { forgetScale, writeScale } from '../scale-record.ts'
import type { World } from '../world.ts'

/** Beyond two copies of the data (a snapshot and a rehearsal), so much stays free for everybody else. */
const SPARE_BYTES = 64 * 1024 * 1024

const preflight = (world: World) =>
  stepKind({
    kind: 'deploy.preflight@1',
    input: z.object({ project: z.string(), stores: z.record(z.string(), z.string()) }),
    cancel: 'now',
    silentForMs: 30_000,
    observe: async () => 'absent',
    async run({ stores }, { operation, log }) {
      await mkdir(world.layout.environment(operation.app, operation.environment), { recursive: true, mode: 0o700 })
      const sizes = await Promise.all(Object.values(stores).map(folder => treeSize(folder)))
      const needed = 2 * sizes.reduce((sum, size) => sum + size, 0) + SPARE_BYTES
      const { bavail, bsize } = await statfs(world.layout.home)
      const free = bavail * bsize
      if (free < needed) {
        throw new FettleError(
          'DISK_FULL',
          `${world.layout.home} has ${formatBytes(free)} free, a deploy needs ${formatBytes(needed)} (a snapshot and a copy to rehearse on)`,
          {
            hint: 'Free some space, or lower `release: { keep }` and `backups: { keep }`.',
          },
        )
      }
      const newest = (await listReleases(world, operation.app, operation.environment))[0]
      if (newest !== undefined && newest.createdAt > world.clock.now()) {
        log(`the clock stands before the last release (${new Date(newest.createdAt).toISOString()}): has it jumped?`)
      }
      return { freeBytes: free, neededBytes: needed }
    },
    undo: 'nothing',
  })

/** A plan of an earlier fettle has the number alone. */
const ScaleInput = z.record(
  z.string(),
  z.union([
    z.number().transform((instances): Scaled => ({ instances })),
    z.object({ instances: z.number(), file: z.number().optional(), endedBy: z.number().optional() }),
  ]),
)

const scaleRecord = (world: World) =>
  stepKind({
    kind: 'scale.record@1',
    input: z.object({ instances: ScaleInput, before: ScaleInput }),
    cancel: 'at-end',
    silentForMs: 10_000,
    observe: async () => 'partial',
    async run({ instances }, { operation }) {
      await writeScale(world, operation.app, operation.environment, instances)
      return {}
    },
    async undo({ before }, { operation }) {
      await writeScale(world, operation.app, operation.environment, before)
    },
  })

const releasesForget = (world: World) =>
  stepKind({
    kind: 'releases.forget@1',
    input: z.object({}),
    cancel: 'at-end',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(_input, { operation }) {
      const { app, environment } = operation
      const releases = await listReleases(world, app, environment)
      const { serving } = await readEnvironment(world, app, environment)
      // The record of what served stays: it says which stores the data that stays belongs to.
      const doomed = releases.filter(release => release.id !== serving?.id)
      for (const release of doomed) await removeRelease(world, app, environment, release.id)
      await removeTree(world.layout.artifacts(app, environment))
      await forgetScale(world, app, environment)
      return { releases: doomed.length }
    },
    undo: 'nothing',
  })

export const settleKinds = (world: World) => [preflight(world), scaleRecord(world), releasesForget(world)]
