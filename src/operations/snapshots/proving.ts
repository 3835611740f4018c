/** What a snapshot turns out to be worth, recorded with it; above all when that is less than it was taken for. */
import * as z from 'zod'
import { type ErrorCode, type FettleError, toFettleError } from '../../core/errors.ts'
import type { StepContext } from '../../engine/step.ts'
import type { Manifest, Proof, Repository, Rung } from '../../ports/repository.ts'
import { BackupsInput, repositoryOf, snapshotName } from '../steps/data-input.ts'
import type { World } from '../world.ts'

export const RungInput = z.custom<Rung>(value => typeof value === 'string')

/** What a step is a part of the proof of. */
export const Proves = z.object({
  snapshot: z.string(),
  backups: BackupsInput,
  rung: RungInput,
  compared: z.number().default(0),
  durationMs: z.number().default(0),
})

interface Judge {
  /** Whether an error is about the snapshot: any other (a full disk, a key that is away, a cancel) is about this attempt alone. */
  tells(error: FettleError): boolean
  /** What did not hold, in words that may lie beside the data unencrypted: what a test or an app says may quote rows. */
  note(error: FettleError): string
}

const tellsBy = (...codes: ErrorCode[]) => ({ tells: ({ code }: FettleError) => codes.includes(code) })
/** Of its content. */
export const OF_DATA: Judge = {
  ...tellsBy('TEST_FAILED', 'DAMAGED', 'DIFFERENT'),
  note: ({ message }) => message.split('\n', 1)[0] ?? '',
}
/** Of an app that was started on it. What is damaged then is no data: it is what the app was to be started with. */
export const OF_APP = tellsBy('TEST_FAILED', 'NOT_READY', 'COMMAND_FAILED')

/** Of where a proof is written, or that its snapshot was removed meanwhile; of nothing that was shown. */
const UNWRITABLE: readonly ErrorCode[] = ['READ_ONLY', 'DISK_FULL', 'NOT_FOUND']

/** Where it can not be written, that is told and no more: what was shown is true without the record of it. */
export async function recordProof(context: StepContext, repository: Repository, snapshot: string, proof: Proof): Promise<void> {
  await repository.addProof(snapshotName(context, snapshot), proof).catch(thrown => {
    const error = toFettleError(thrown)
    if (!UNWRITABLE.includes(error.code)) throw thrown
    context.tell(`the proof of it can not be recorded: ${error.message}`)
  })
}

/** Does the work; where that shows that the rung is not reached, this is recorded with the snapshot before the error goes on. */
export async function proving<T>(
  world: World,
  context: StepContext,
  proves: z.input<typeof Proves> | undefined,
  { tells, note }: Judge,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    const error = toFettleError(thrown)
    if (proves === undefined || !tells(error)) throw thrown
    const { snapshot, backups, ...proof } = Proves.parse(proves)
    const failed = { ...proof, at: world.clock.now(), operation: context.operation.id, passed: false, note: note(error) }
    const repository = await repositoryOf(world, context, backups)
    for (const id of [snapshot, ...(await sharing(repository, context, snapshot, error))])
      await recordProof(context, repository, id, failed)
    throw thrown
  }
}

/** Snapshots share objects: what is wrong with one is wrong with each of them. */
async function sharing(repository: Repository, { operation }: StepContext, but: string, { context }: FettleError): Promise<string[]> {
  if (context?.object === undefined) return []
  const holds = ({ parts }: Manifest) => parts.some(({ objects }) => objects.some(({ name }) => name === context.object))
  const { own } = await repository.list(operation.app, operation.environment)
  return own.filter(manifest => manifest.id !== but && holds(manifest)).map(({ id }) => id)
}
