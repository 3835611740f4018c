/**
 * The steps of a rehearsal or drill: a sandbox from which nothing leaves, the migration on a copy, the release started there and
 * tested, the old release tested on the migrated copy.
 */
import { realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as z from 'zod'
import { FettleError, toFettleError } from '../../core/errors.ts'
import { groupName } from '../../core/names.ts'
import type { Release, Reversible } from '../../core/release.ts'
import { externalPath } from '../../core/spec/derived.ts'
import { type StepContext, stepKind } from '../../engine/step.ts'
import { removeTree } from '../../lib/remove-tree.ts'
import type { SandboxView } from '../../ports/runtime.ts'
import { Budget, withinBudget } from '../budget.ts'
import { endCommand, runToSuccess } from '../commands.ts'
import { addNotes, requireRelease } from '../environment.ts'
import { groupOf, migrationCommand } from '../groups.ts'
import { OF_APP, Proves, proving } from '../snapshots/proving.ts'
import { placesOf } from '../snapshots/repository-record.ts'
import type { World } from '../world.ts'
import { backendOf, untilReady } from './groups.ts'
import { smokeTests, testedService } from './tests.ts'

const Scratch = z.object({
  release: z.string(),
  /** Store → folder of the scratch copy. */
  stores: z.record(z.string(), z.string()),
  budget: Budget.optional(),
})

export const sandboxName = (operation: string): string => `${operation}-sandbox`

/** What a release under test must not even see: all of fettle's home and of the real data, but for its own code and the copies. */
async function viewOf(world: World, release: Release, operation: string): Promise<SandboxView> {
  const { layout } = world
  const { app, environment, spec } = release
  const external = Object.values(spec.stores).map(async store => {
    const path = externalPath(store)
    if (path === undefined) return []
    // The database alone may be a link.
    return 'files' in store ? [path] : [dirname(path), dirname(await realpath(path).catch(() => path))]
  })
  // Below the home as they are, but somebody may have put links in their places.
  const live = (await world.proxy.tables()).flatMap(({ stores }) => Object.values(stores))
  const repositories = (await placesOf(world, release, spec.backups)).map(place => world.repositoryFolder(place))
  return {
    hide: [layout.home, ...repositories, ...live, ...(await Promise.all(external)).flat()],
    write: [layout.scratch(operation)],
    copy: [layout.artifacts(app, environment)],
  }
}

/** What ends because its sandbox did, as when the machine goes down, says nothing of a release. @throws FettleError LOST then */
async function inSandbox<T>(world: World, { operation }: StepContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (await world.runtime.isSandboxOpen(sandboxName(operation.id))) throw cause
    const what = operation.kind === 'drill' ? operation.kind : 'rehearsal'
    throw new FettleError('LOST', `the ${what} was interrupted: its sandbox is gone, with all that ran in it`, {
      cause,
      hint: `Nothing is known of the ${what === 'drill' ? 'snapshot' : 'release'} by that: run \`fettle ${operation.kind}\` again.`,
    })
  }
}

const sandboxOpen = (world: World) =>
  stepKind({
    kind: 'sandbox.open@1',
    input: z.object({ release: z.string() }),
    cancel: 'now',
    silentForMs: 30_000,
    async observe(_input, { operation }) {
      return (await world.runtime.sandboxes()).includes(sandboxName(operation.id)) ? 'partial' : 'absent'
    },
    async run(input, { operation, signal }) {
      const release = await requireRelease(world, operation, input.release)
      const sandbox = await world.runtime.openSandbox(sandboxName(operation.id), await viewOf(world, release, operation.id), signal)
      return { isolation: sandbox.isolation }
    },
    async undo(_input, { operation }) {
      await world.runtime.closeSandbox(sandboxName(operation.id))
    },
  })

/** Twice: a migration must be repeatable, for a crash in the real one is answered by running it again. */
const rehearseMigrate = (world: World) =>
  stepKind({
    kind: 'rehearse.migrate@1',
    input: Scratch,
    cancel: 'now',
    silentForMs: 120_000,
    observe: async () => 'partial',
    async run(input, context) {
      const release = await requireRelease(world, context.operation, input.release)
      const command = await migrationCommand(world, release, { stores: input.stores, sandbox: sandboxName(context.operation.id) })
      const began = world.clock.monotonic()
      await withinBudget(context, input.budget, async bounded => {
        for (const time of ['first', 'again']) {
          const what = `migration on a copy of the data (${time} time)`
          await inSandbox(world, bounded, () => runToSuccess(world, bounded, what, command, time))
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
const bootAndTest = (world: World, release: Release, stores: Record<string, string>, context: StepContext): Promise<number> =>
  inSandbox(world, context, () => bootAndTestThere(world, release, stores, context))

async function bootAndTestThere(world: World, release: Release, stores: Record<string, string>, context: StepContext): Promise<number> {
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

const bootFailure =
  (release: string) =>
  ({ code }: FettleError): string =>
    code === 'TEST_FAILED' ? `tests of ${release} failed on it` : `${release} was not ready on it`

const rehearseBoot = (world: World) =>
  stepKind({
    kind: 'rehearse.boot@1',
    input: Scratch.extend({ proves: Proves.optional() }),
    cancel: 'now',
    silentForMs: 60_000,
    observe: async () => 'partial',
    async run(input, context) {
      const release = await requireRelease(world, context.operation, input.release)
      const began = world.clock.monotonic()
      const passed = await proving(world, context, input.proves, { ...OF_APP, note: bootFailure(release.id) }, () =>
        withinBudget(context, input.budget, bounded => bootAndTest(world, release, input.stores, bounded)),
      )
      await removeScratchGroups(world, release, context)
      return { passed, durationMs: Math.round(world.clock.monotonic() - began) }
    },
    async undo(input, context) {
      await removeScratchGroups(world, await requireRelease(world, context.operation, input.release), context)
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
      const release = await requireRelease(world, context.operation, input.release)
      const old = await requireRelease(world, context.operation, input.old)
      const failure = await withinBudget(context, input.budget, bounded => bootAndTest(world, old, input.stores, bounded)).then(
        () => undefined,
        error => toFettleError(error),
      )
      await removeScratchGroups(world, old, context)
      if (failure !== undefined && !OF_APP.tells(failure)) throw failure
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
      await removeScratchGroups(world, await requireRelease(world, context.operation, input.old), context)
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
      await removeTree(world.layout.scratch(operation.id))
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
