/** Bake: a release that just began to serve is on trial; a breach brings a rollback about, too little traffic is no pass. */
import * as z from 'zod'
import { type BakeVerdict, judgeBake } from '../core/bake.ts'
import { toFettleError } from '../core/errors.ts'
import { formatCount, formatDuration } from '../core/format.ts'
import type { OperationRecord, Plan } from '../core/plan.ts'
import type { Bake } from '../core/spec/schema.ts'
import { stepKind } from '../engine/step.ts'
import { basisOf } from './basis.ts'
import { addNotes, readEnvironment, readRelease } from './environment.ts'
import { returnedNote } from './returned.ts'
import { planRollback } from './rollback.ts'
import { readTrial, writeTrial } from './trial-record.ts'
import type { World } from './world.ts'

const SAMPLE_MS = 500
/** An agent that is killed watches so much again at most. */
const RECORD_EVERY_MS = 5000
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

export const bakeLease = (app: string, environment: string): string => `${app}/${environment}/bake`

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
    leases: [bakeLease(app, environment)],
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
      const { app, environment, id } = context.operation
      const watchedBefore = (await readTrial(world, id))?.watchedMs ?? 0
      const deadline = world.clock.monotonic() + input.rules.for - watchedBefore
      let slowSince = Number.POSITIVE_INFINITY
      let recordAt = Number.NEGATIVE_INFINITY
      for (;;) {
        const verdict = await sample(world, input)
        const now = world.clock.monotonic()
        const leftMs = deadline - now
        if (now >= recordAt) {
          recordAt = now + RECORD_EVERY_MS
          const record = { watchedMs: input.rules.for - leftMs, until: world.clock.now() + leftMs }
          await writeTrial(world, id, record).catch(error =>
            context.log(`how long it was watched is not kept: ${toFettleError(error).message}`),
          )
        }
        slowSince = verdict.state === 'slow' ? Math.min(slowSince, now) : Number.POSITIVE_INFINITY
        if (verdict.state === 'breach' || now - slowSince >= Math.min(SLOW_LASTS_MS, input.rules.for / 2)) {
          context.log(verdict.why)
          return { verdict: 'breach', breach: verdict.why }
        }
        const table = await world.proxy.current(app, environment)
        if (table?.activation !== input.activation) return { verdict: 'superseded', breach: '' }
        if (leftMs <= 0) {
          const release = await readRelease(world, app, environment, input.release)
          if (verdict.state !== 'pass') context.log(`${verdict.state}: ${verdict.why}`)
          return { verdict: verdict.state, breach: '', release: release?.id ?? '' }
        }
        context.progress(
          `${formatCount(verdict.requests)} requests, ${formatCount(verdict.errors)} errors`,
          input.rules.for - leftMs,
          input.rules.for,
        )
        await world.clock.sleep(Math.min(SAMPLE_MS, leftMs), context.signal)
      }
    },
    undo: 'nothing',
  })

async function sample(world: World, { activation, before, rules }: z.output<typeof Watch>): Promise<BakeVerdict> {
  const [now, old] = await Promise.all([world.proxy.counters(activation), world.proxy.counters(before)])
  return judgeBake(now === 'unknown' ? undefined : now, old === 'unknown' ? undefined : old, rules)
}

export const bakeKinds = (world: World) => [bakeWatch(world)]
