/** The steps that show what a snapshot is worth, and the record of it, also when it turned out to be worth less. */
import * as z from 'zod'
import { type ErrorCode, FettleError, toFettleError } from '../../core/errors.ts'
import type { Expectation } from '../../core/spec/schema.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import type { Proof, Repository, Rung } from '../../ports/repository.ts'
import { endCommand } from '../commands.ts'
import { expectTask, verifyTask } from '../data-tasks.ts'
import type { World } from '../world.ts'
import { BackupsInput, Configs, Folders, repositoryOf, snapshotName } from './data-input.ts'

const RungInput = z.custom<Rung>(value => typeof value === 'string')

/** What a step is a part of the proof of. */
export const Proves = z.object({
  snapshot: z.string(),
  backups: BackupsInput,
  rung: RungInput,
  compared: z.number().default(0),
  durationMs: z.number().default(0),
})

/** These tell of the app or the data; any other failure (a full disk, a lost sandbox, a cancel) tells of this attempt alone. */
const TELLING: ReadonlySet<ErrorCode> = new Set(['NOT_READY', 'COMMAND_FAILED', 'TEST_FAILED', 'DAMAGED', 'DIFFERENT'])

export const isTelling = ({ code }: FettleError): boolean => TELLING.has(code)

/** Of where a proof is written, and nothing else. */
const UNWRITABLE: ReadonlySet<ErrorCode> = new Set(['READ_ONLY', 'DISK_FULL'])

/** Where the repository can not be written, that is told and no more: what was shown is true without the record of it. */
export async function recordProof(context: StepContext, repository: Repository, snapshot: string, proof: Proof): Promise<void> {
  await repository.addProof(snapshotName(context, snapshot), proof).catch(thrown => {
    const error = toFettleError(thrown)
    if (!UNWRITABLE.has(error.code)) throw thrown
    context.tell(`the proof of it can not be recorded: ${error.message}`)
  })
}

/**
 * Does the work; where that shows that the rung is not reached, this is recorded with the snapshot before the error goes on.
 * @param failed what did not hold, in words that may lie beside the data unencrypted: a message may quote rows, or what the app printed
 */
export async function proving<T>(
  world: World,
  context: StepContext,
  proves: z.input<typeof Proves> | undefined,
  failed: string | ((error: FettleError) => string),
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    const error = toFettleError(thrown)
    if (proves === undefined || !isTelling(error)) throw thrown
    const { snapshot, backups, ...proof } = Proves.parse(proves)
    const note = typeof failed === 'string' ? failed : failed(error)
    const failure = { ...proof, at: world.clock.now(), operation: context.operation.id, passed: false, note }
    await recordProof(context, await repositoryOf(world, context, backups), snapshot, failure)
    throw thrown
  }
}

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
      const { objects, bytes } = await proving(world, context, { snapshot, backups, rung: 're-read' }, 'its stored bytes are damaged', () =>
        verifyTask(world, context, { manifest, backups }),
      )
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
      await proving(world, context, input.proves, unlike(failed.map(({ subject }) => subject)), async () => {
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
