/** The trial itself: a release that just began to serve is watched, from the proxy's counters. */
import * as z from 'zod'
import { type BakeVerdict, judgeBake } from '../../core/bake.ts'
import { formatCount } from '../../core/format.ts'
import { environmentLease } from '../../core/names.ts'
import type { Bake } from '../../core/spec/schema.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import type { Counters } from '../../ports/proxy.ts'
import { TrialTime } from '../trial-record.ts'
import type { World } from '../world.ts'

const SAMPLE_MS = 500
const QUIET_SAMPLE_MS = 2000
/** A release that is slow for so long is not just warming up. Never more than half of its trial. */
const SLOW_LASTS_MS = 10_000

const Watch = z.object({
  release: z.string(),
  activation: z.string(),
  before: z.string(),
  /** Wall clock, ms; from when it was planned. Before the first look at it the only word on when it ends. */
  until: z.number(),
  rules: z.custom<Bake>(value => typeof value === 'object' && value !== null),
})

const bakeWatch = (world: World) =>
  stepKind({
    kind: 'bake.watch@1',
    input: Watch,
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'absent',
    async run(input, context) {
      const { app, environment, id } = context.operation
      const time = await TrialTime.open(world, id, input.rules.for)
      const judge = new Judge(world, input)
      for (;;) {
        const found = await judge.look(context)
        if (found === undefined) return { verdict: 'superseded', breach: '' }
        await time.keep(context)
        const { breach, state, why, requests, errors, isQuiet } = found
        const busyWith = context.holder(environmentLease(app, environment))
        if (breach !== '' && busyWith === undefined) {
          context.log(breach)
          context.tell(breach)
          return { verdict: 'breach', breach }
        }
        if (breach === '' && time.leftMs === 0) {
          if (state !== 'pass') context.log(`${state}: ${why}`)
          context.tell(state === 'pass' ? `passed: ${formatCount(requests)} requests, ${formatCount(errors)} errors` : `${state}: ${why}`)
          return { verdict: state, breach, release: input.release }
        }
        const counts = `${formatCount(requests)} requests, ${formatCount(errors)} errors`
        context.progress(breach === '' ? counts : `${breach}; it is returned when ${busyWith} has ended`, time.watchedMs, input.rules.for)
        const pauseMs = isQuiet ? QUIET_SAMPLE_MS : SAMPLE_MS
        await world.clock.sleep(breach === '' ? Math.min(pauseMs, time.leftMs) : pauseMs, context.signal)
      }
    },
    undo: 'nothing',
  })

const known = (counters: Counters | 'unknown'): Counters | undefined => (counters === 'unknown' ? undefined : counters)

/** What was seen of the release on trial. A breach stays one, whatever is seen later. */
class Judge {
  readonly #world: World
  readonly #watch: z.output<typeof Watch>
  #slowSince = Number.POSITIVE_INFINITY
  #breach = ''
  #requests: number | undefined
  #old: Counters | undefined

  constructor(world: World, watch: z.output<typeof Watch>) {
    this.#world = world
    this.#watch = watch
  }

  /** @returns undefined once another release serves */
  async look({ operation: { app, environment } }: StepContext): Promise<(BakeVerdict & { breach: string; isQuiet: boolean }) | undefined> {
    const { proxy, clock } = this.#world
    const { release, before, rules } = this.#watch
    const table = await proxy.current(app, environment)
    if (table?.release !== release) return undefined
    // Started anew it has another activation, and is on trial all the same.
    const now = known(await proxy.counters(table.activation))
    // Most of a trial nothing comes: then nothing more is asked.
    const isQuiet = now !== undefined && now.requests === this.#requests
    if (!isQuiet) this.#old = known(await proxy.counters(before))
    this.#requests = now?.requests
    const verdict = judgeBake(now, this.#old, rules)
    this.#slowSince = verdict.state === 'slow' ? Math.min(this.#slowSince, clock.monotonic()) : Number.POSITIVE_INFINITY
    const isSlowForLong = clock.monotonic() - this.#slowSince >= Math.min(SLOW_LASTS_MS, rules.for / 2)
    if (verdict.state === 'breach' || isSlowForLong) this.#breach ||= verdict.why
    return { ...verdict, breach: this.#breach, isQuiet }
  }
}

export const bakeKinds = (world: World) => [bakeWatch(world)]
