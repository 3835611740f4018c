/** The steps that show what a snapshot is worth. */
import * as z from 'zod'
import { FettleError, toFettleError } from '../../core/errors.ts'
import type { Expectation } from '../../core/spec/expectation.ts'
import { stepKind } from '../../engine/step.ts'
import { endCommand } from '../commands.ts'
import { expectTask, verifyTask } from '../data-tasks.ts'
import { OF_DATA, Proves, proving, RungInput } from '../snapshots/proving.ts'
import type { World } from '../world.ts'
import { BackupsInput, Configs, Folders, repositoryOf, snapshotName } from './data-input.ts'

/** Re-reads the stored bytes of a snapshot against their hashes. */
const snapshotVerify = (world: World) =>
  stepKind({
    kind: 'snapshot.verify@1',
    input: z.object({ snapshot: z.string(), backups: BackupsInput }),
    cancel: 'now',
    silentForMs: 120_000,
    observe: async () => 'partial',
    async run({ snapshot, backups }, context) {
      const manifest = await (await repositoryOf(world, context, backups)).get(snapshotName(context, snapshot))
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
    input: z.object({
      configs: Configs,
      folders: Folders,
      expect: z.custom<Expectation[]>(value => Array.isArray(value)),
      proves: Proves.optional(),
    }),
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, context) {
      const results = await expectTask(world, context, input)
      const failed = results.filter(result => !result.passed)
      const unlike = (what: (string | undefined)[]) => `restored data is not as expected: ${what.join('; ')}`
      const judge = { ...OF_DATA, note: () => unlike(failed.map(({ subject }) => subject)) }
      await proving(world, context, input.proves, judge, async () => {
        if (failed.length > 0) throw new FettleError('TEST_FAILED', unlike(failed.map(({ text }) => text)))
      })
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
      rung: RungInput,
      compared: z.number(),
      durationMs: z.number(),
      note: z.string().optional(),
    }),
    cancel: 'at-end',
    silentForMs: 10_000,
    async observe({ snapshot, rung, backups }, context) {
      const proofs = await (await repositoryOf(world, context, backups)).proofs(snapshotName(context, snapshot))
      return proofs.some(proof => proof.operation === context.operation.id && proof.drill) ? { present: { rung } } : 'absent'
    },
    async run({ snapshot, backups, ...proof }, context) {
      const repository = await repositoryOf(world, context, backups)
      const passed = { ...proof, at: world.clock.now(), operation: context.operation.id, passed: true, drill: true } as const
      await repository.addProof(snapshotName(context, snapshot), passed).catch(error => {
        throw toFettleError(error, `${snapshot} passed its drill (${proof.rung}), which can not be recorded`)
      })
      return { rung: proof.rung }
    },
    undo: 'nothing',
  })

export const proofKinds = (world: World) => [snapshotVerify(world), drillExpect(world), proofAdd(world)]
