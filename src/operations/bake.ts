/** Bake: a release that just began to serve is on trial; a breach brings a rollback about, too little traffic is no pass. */
import * as z from 'zod'
import { type BakeVerdict, judgeBake } from '../core/bake.ts'
import { formatCount, formatDuration } from '../core/format.ts'
import { environmentLease } from '../core/names.ts'
import type { OperationRecord, Plan } from '../core/plan.ts'
import type { Bake } from '../core/spec/schema.ts'
import { type StepContext, stepKind } from '../engine/step.ts'
import { basisOf } from './basis.ts'
import { addNotes, readEnvironment } from './environment.ts'
import { returnedNote } from './returned.ts'
import { planRollback } from './rollback.ts'
import type { World } from './world.ts'

const SAMPLE_MS = 500
/** A release that is slow for so long is not just warming up. Never more than half of its trial. */
const SLOW_LASTS_MS = 10_000

const Watch = z.object({
  release: z.string(),
  activation: z.string(),
  before: z.string(),
  /** Wall clock, ms. */
  until: z.number(),
  rules: z.custom<Bake>(value => typeof value === 'object' && value !== null),
})

export async function planBake(world: World, deploy: OperationRecord): Promise<Plan | undefined> {
  const { app, environment } = deploy.plan
  const { table, serving } = await readEnvironment(world, app, environment)
  const before = switchedFrom(deploy)
  const rules = serving?.spec.release.bake
  const isServing = table.activation === outputText(deploy, 'switch', 'activation')
  if (serving === undefined || rules === undefined || rules.for === 0 || serving.spec.routes.length === 0 || before === '' || !isServing)
    return undefined
  return {
    format: 1,
    kind: 'bake',
    app,
    environment,
    leases: [`${app}/${environment}/trial of ${table.activation}`],
    basis: basisOf({ 'what serves': table.activation }),
    lines: [{ text: `${serving.id} is on trial for ${formatDuration(rules.for)}`, tone: 'plain' }],
    steps: [
      {
        id: 'watch',
        kind: 'bake.watch@1',
        title: `watch ${serving.id} for ${formatDuration(rules.for)}`,
        input: { release: serving.id, activation: table.activation, before, until: world.clock.now() + rules.for, rules },
        after: [],
      },
    ],
  }
}

const switchedFrom = (deploy: OperationRecord): string => {
  const retire = deploy.plan.steps.find(step => step.id === 'retire')
  return typeof retire?.input.activation === 'string' ? retire.input.activation : ''
}

const outputText = (operation: OperationRecord, step: string, key: string): string => {
  const output = operation.steps.find(record => record.id === step)?.output
  const value = typeof output === 'object' && output !== null && !Array.isArray(output) ? output[key] : undefined
  return typeof value === 'string' ? value : ''
}

/** The rollback that a breach, or failed tests on the live route, bring about. */
export async function planReturn(world: World, operation: OperationRecord): Promise<Plan | undefined> {
  const { app, environment } = operation.plan
  const note = operation.plan.kind === 'bake' ? outputText(operation, 'watch', 'breach') : outputText(operation, 'test', 'failure')
  if (note === '') return undefined
  const { serving, releases } = await readEnvironment(world, app, environment)
  const tried =
    operation.plan.kind === 'bake'
      ? String(operation.plan.steps[0]?.input.release)
      : String(operation.plan.steps.find(step => step.id === 'test')?.input.release)
  if (serving?.id !== tried || releases.length < 2) return undefined
  await addNotes(world, serving, { note: returnedNote(note) })
  return { ...(await planRollback(world, { app, environment, data: 'keep' })), parent: operation.id }
}

const bakeWatch = (world: World) =>
  stepKind({
    kind: 'bake.watch@1',
    input: Watch,
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'absent',
    async run(input, context) {
      // A persisted deadline is wall clock; a clock that jumped must neither end the trial at once nor stretch it.
      const remainingMs = Math.min(Math.max(input.until - world.clock.now(), 0), input.rules.for)
      const deadline = world.clock.monotonic() + remainingMs
      const judge = new Judge(world, input)
      for (;;) {
        const found = await judge.look(context)
        if (found === undefined) return { verdict: 'superseded', breach: '' }
        const leftMs = deadline - world.clock.monotonic()
        const { breach, state, why, requests, errors } = found
        const busyWith = context.holder(environmentLease(context.operation.app, context.operation.environment))
        if (breach !== '' && busyWith === undefined) {
          context.log(breach)
          return { verdict: 'breach', breach }
        }
        if (breach === '' && leftMs <= 0) {
          if (state !== 'pass') context.log(`${state}: ${why}`)
          return { verdict: state, breach, release: input.release }
        }
        const counts = `${formatCount(requests)} requests, ${formatCount(errors)} errors`
        const text = breach === '' ? counts : `${breach}; it is returned when ${busyWith} has ended`
        context.progress(text, Math.min(input.rules.for - leftMs, input.rules.for), input.rules.for)
        await world.clock.sleep(breach === '' ? Math.min(SAMPLE_MS, leftMs) : SAMPLE_MS, context.signal)
      }
    },
    undo: 'nothing',
  })

/** What was seen of the release on trial. A breach stays one, whatever is seen later. */
class Judge {
  readonly #world: World
  readonly #watch: z.output<typeof Watch>
  #slowSince = Number.POSITIVE_INFINITY
  #breach = ''

  constructor(world: World, watch: z.output<typeof Watch>) {
    this.#world = world
    this.#watch = watch
  }

  /** @returns undefined once another release serves */
  async look({ operation: { app, environment } }: StepContext): Promise<(BakeVerdict & { breach: string }) | undefined> {
    const { proxy, clock } = this.#world
    const { release, before, rules } = this.#watch
    const table = await proxy.current(app, environment)
    if (table?.release !== release) return undefined
    // Started anew it has another activation, and is on trial all the same.
    const [now, old] = await Promise.all([proxy.counters(table.activation), proxy.counters(before)])
    const verdict = judgeBake(now === 'unknown' ? undefined : now, old === 'unknown' ? undefined : old, rules)
    this.#slowSince = verdict.state === 'slow' ? Math.min(this.#slowSince, clock.monotonic()) : Number.POSITIVE_INFINITY
    const isSlowForLong = clock.monotonic() - this.#slowSince >= Math.min(SLOW_LASTS_MS, rules.for / 2)
    if (verdict.state === 'breach' || isSlowForLong) this.#breach ||= verdict.why
    return { ...verdict, breach: this.#breach }
  }
}

export const bakeKinds = (world: World) => [bakeWatch(world)]
