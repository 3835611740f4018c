/** How long a trial was watched. Kept outside the clock: neither a jump of it nor a restart of the agent ends a trial early or stretches it. */
import { join } from 'node:path'
import { toFettleError } from '../core/errors.ts'
import type { StepContext } from '../engine/step.ts'
import { writeFileAtomic } from '../lib/files.ts'
import { readKept } from '../lib/kept-file.ts'
import type { World } from './world.ts'

/** An agent that is killed watches so much again at most. */
const RECORD_EVERY_MS = 5000

export interface TrialRecord {
  watchedMs: number
  /** Wall clock, ms: when it ends, as the clock stood when this was written. */
  until: number
}

const pathOf = ({ layout }: Pick<World, 'layout'>, operation: string): string => join(layout.task(operation), 'trial.json')

export async function readTrial(world: Pick<World, 'layout'>, operation: string): Promise<TrialRecord | undefined> {
  const path = pathOf(world, operation)
  return readKept<TrialRecord>({ path, hint: 'Remove it: the trial is watched from its beginning.' })
}

/** The time of one trial, goes on from what is kept of it. All in ms. */
export class TrialTime {
  readonly #world: World
  readonly #operation: string
  readonly #deadline: number
  readonly #lengthMs: number
  #keepAt = Number.NEGATIVE_INFINITY

  private constructor(world: World, operation: string, lengthMs: number, watchedMs: number) {
    this.#world = world
    this.#operation = operation
    this.#lengthMs = lengthMs
    this.#deadline = world.clock.monotonic() + lengthMs - watchedMs
  }

  static async open(world: World, operation: string, lengthMs: number): Promise<TrialTime> {
    return new TrialTime(world, operation, lengthMs, (await readTrial(world, operation))?.watchedMs ?? 0)
  }

  get leftMs(): number {
    return Math.max(0, this.#deadline - this.#world.clock.monotonic())
  }

  get watchedMs(): number {
    return this.#lengthMs - this.leftMs
  }

  /** Now and then: what is lost of it with the agent is watched again. A full disk does not end a trial. */
  async keep(context: StepContext): Promise<void> {
    const { clock } = this.#world
    if (clock.monotonic() < this.#keepAt) return
    this.#keepAt = clock.monotonic() + RECORD_EVERY_MS
    const record = { format: 1, watchedMs: this.watchedMs, until: clock.now() + this.leftMs }
    await writeFileAtomic(pathOf(this.#world, this.#operation), JSON.stringify(record), 0o600).catch(error =>
      context.log(`how long it was watched is not kept: ${toFettleError(error).message}`),
    )
  }
}
