/**
 * The steps of a rehearsal or drill: a sandbox from which nothing leaves, the migration on a copy, the release started there and
 * tested, the old release tested on the migrated copy.
 */
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as z from 'zod'
import { FettleError, toFettleError } from '../../core/errors.ts'
import { formatDuration } from '../../core/format.ts'
import { groupName } from '../../core/names.ts'
import type { Release, Reversible } from '../../core/release.ts'
import { externalPath } from '../../core/spec/derived.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import { endCommand, runToSuccess } from '../commands.ts'
import { addNotes, requireRelease } from '../environment.ts'
import { groupOf, migrationCommand } from '../groups.ts'
import type { World } from '../world.ts'
import { backendOf, untilReady } from './groups.ts'
import { smokeTests, testedService } from './tests.ts'

const NO_LIMIT_MS = 86_400_000

const Scratch = z.object({
  release: z.string(),
  /** Store → folder of the scratch copy. */
  stores: z.record(z.string(), z.string()),
  /** A rehearsal that takes longer is given up: it must not hold a deploy for ever. */
  atMostMs: z.number().default(NO_LIMIT_MS),
})

export const sandboxName = (operation: string): string => `${operation}-sandbox`

/** What a release under test must not even see: live data, keys, backups, the agent. */
const hiddenFolders = (world: World, release: Release): string[] => {
  const { layout } = world
  const external = Object.values(release.spec.stores).flatMap(store => {
    const path = externalPath(store)
    return path === undefined ? [] : ['files' in store ? path : dirname(path)]
  })
  return [layout.live, layout.keys, layout.agent, layout.front, layout.tasks, ...external]
}

const sandboxOpen = (world: World) =>
  stepKind({
    kind: 'sandbox.open@1',
    input: z.object({ release: z.string(), hide: z.array(z.string()) }),
    cancel: 'now',
    silentForMs: 30_000,
    async observe(_input, { operation }) {
      return (await world.runtime.sandboxes()).includes(sandboxName(operation.id)) ? 'partial' : 'absent'
    },
    async run({ release, hide }, { operation, signal }) {
      const record = await requireRelease(world, operation.app, operation.environment, release)
      const sandbox = await world.runtime.openSandbox(
        sandboxName(operation.id),
        { hide: [...hiddenFolders(world, record), ...hide] },
        signal,
      )
      return { isolation: sandbox.isolation }
    },
    async undo(_input, { operation }) {
      await world.runtime.closeSandbox(sandboxName(operation.id))
    },
  })

/** The work with a time of its own. @throws FettleError REFUSED when that is over */
async function withinBudget<T>(context: StepContext, atMostMs: number, work: (context: StepContext) => Promise<T>): Promise<T> {
  const budget = AbortSignal.timeout(atMostMs)
  try {
    return await work({ ...context, signal: AbortSignal.any([context.signal, budget]) })
  } catch (error) {
    if (!budget.aborted || context.signal.aborted) throw error
    throw new FettleError('REFUSED', `the rehearsal did not end within ${formatDuration(atMostMs)}`, {
      cause: error,
      hint: 'Allow it more with `release: { rehearse: { at-most: 15m } }`, or go without: `--rehearse off`.',
    })
  }
}

/** Twice: a migration must be repeatable, for a crash in the real one is answered by running it again. */
const rehearseMigrate = (world: World) =>
  stepKind({
    kind: 'rehearse.migrate@1',
    input: Scratch,
    cancel: 'now',
    silentForMs: 120_000,
    observe: async () => 'partial',
    async run(input, context) {
      const { id, app, environment } = context.operation
      const release = await requireRelease(world, app, environment, input.release)
      const command = await migrationCommand(world, release, { stores: input.stores, sandbox: sandboxName(id) })
      const began = world.clock.monotonic()
      await withinBudget(context, input.atMostMs, async bounded => {
        for (const time of ['first', 'again']) {
          await runToSuccess(world, bounded, `migration on a copy of the data (${time} time)`, command, time)
          await context.fault(time)
        }
      })
      return { durationMs: Math.round(world.clock.monotonic() - began) }
    },
    async undo(_input, context) {
      for (const time of ['first', 'again']) await endCommand(world, context, time)
    },
  })

/** Starts a release's services in the sandbox, one instance each, and runs its tests against them. */
async function bootAndTest(world: World, release: Release, stores: Record<string, string>, context: StepContext): Promise<number> {
  const { id, app, environment } = context.operation
  const activation = scratchActivation(context)
  const services = Object.entries(release.spec.services).filter(([, service]) => service['in-drills'])
  const groups = await Promise.all(
    services.map(([service]) => groupOf(world, release, service, activation, { stores, sandbox: sandboxName(id) }, 1)),
  )
  await Promise.all(groups.map(group => world.runtime.apply(group, context.signal)))
  await Promise.all(groups.map(group => untilReady(world, group.name, context)))
  await context.fault('ready')
  const started = new Set(services.map(([service]) => service))
  const tests = release.spec.release.test.filter(test => started.has(testedService(release.spec, test)))
  return await smokeTests(
    release.spec,
    tests,
    service => backendOf(world, groupName(app, environment, service, activation), context.signal),
    context,
  )
}

const scratchActivation = (context: StepContext): string => `${context.operation.id}-${context.step}`

async function removeScratchGroups(world: World, release: Release | undefined, context: StepContext): Promise<void> {
  const { app, environment } = context.operation
  const names = Object.keys(release?.spec.services ?? {}).map(service => groupName(app, environment, service, scratchActivation(context)))
  await Promise.all(names.map(name => world.runtime.remove(name, context.signal, context.operation.id)))
}

const rehearseBoot = (world: World) =>
  stepKind({
    kind: 'rehearse.boot@1',
    input: Scratch,
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, context) {
      const release = await requireRelease(world, context.operation.app, context.operation.environment, input.release)
      const passed = await withinBudget(context, input.atMostMs, bounded => bootAndTest(world, release, input.stores, bounded))
      await removeScratchGroups(world, release, context)
      return { passed }
    },
    async undo(input, context) {
      await removeScratchGroups(
        world,
        await requireRelease(world, context.operation.app, context.operation.environment, input.release),
        context,
      )
    },
  })

/** Whether one could go back: the old release's own tests, on the data that the new one migrated. */
const rehearseOld = (world: World) =>
  stepKind({
    kind: 'rehearse.old@1',
    input: Scratch.extend({ old: z.string(), mustPass: z.boolean() }),
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, context) {
      const { app, environment } = context.operation
      const [release, old] = await Promise.all([input.release, input.old].map(id => requireRelease(world, app, environment, id)))
      if (release === undefined || old === undefined) throw new FettleError('INTERNAL', 'a release of the rehearsal is gone')
      const failure = await withinBudget(context, input.atMostMs, bounded => bootAndTest(world, old, input.stores, bounded)).then(
        () => undefined,
        error => toFettleError(error),
      )
      await removeScratchGroups(world, old, context)
      if (failure?.code === 'CANCELLED' || failure?.code === 'REFUSED') throw failure
      const reversible: Reversible = failure === undefined ? 'proved' : 'refuted'
      await addNotes(world, release, { reversible })
      if (failure !== undefined && input.mustPass) {
        throw new FettleError('REFUSED', `${old.id}, which serves now, fails on data that ${release.id} has migrated: ${failure.message}`, {
          cause: failure,
          hint: 'Make the migration compatible with the release before it, or declare `release: { downtime: allowed }`.',
        })
      }
      return { reversible, why: failure?.message ?? null }
    },
    async undo(input, context) {
      await removeScratchGroups(
        world,
        await requireRelease(world, context.operation.app, context.operation.environment, input.old),
        context,
      )
    },
  })

const scratchClose = (world: World) =>
  stepKind({
    kind: 'scratch.close@1',
    input: z.object({}),
    cancel: 'at-end',
    silentForMs: 30_000,
    observe: async () => 'partial',
    async run(_input, { operation }) {
      await world.runtime.closeSandbox(sandboxName(operation.id))
      await rm(world.layout.scratch(operation.id), { recursive: true, force: true })
      return {}
    },
    undo: 'nothing',
  })

export const rehearseKinds = (world: World) => [
  sandboxOpen(world),
  rehearseMigrate(world),
  rehearseBoot(world),
  rehearseOld(world),
  scratchClose(world),
]
