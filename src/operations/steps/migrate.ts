/** The one-way gate before the pivot: the migration of live data. */
import * as z from 'zod'
import { stepKind } from '../../engine/step.ts'
import { endCommand, forgetLost, runToSuccess, stepCommand } from '../commands.ts'
import { requireRelease } from '../environment.ts'
import { migrationCommand } from '../groups.ts'
import type { World } from '../world.ts'
import { backendOf } from './groups.ts'
import { smokeTests } from './tests.ts'

/** The second gate: what it does to live data stays done. */
const migrate = (world: World) =>
  stepKind({
    kind: 'data.migrate@1',
    input: z.object({
      release: z.string(),
      stores: z.record(z.string(), z.string()),
      serving: z.string().nullable(),
      /** A rehearsal ran it twice: where the machine went down in it, it is run again. */
      isRepeatable: z.boolean().default(false),
    }),
    cancel: 'when-insisted',
    silentForMs: 120_000,
    async observe(_input, context) {
      const state = await world.runtime.command(stepCommand(context))
      return state.state === 'exited' && state.result.code === 0 ? { present: { durationMs: state.result.durationMs } } : 'partial'
    },
    async run(input, context) {
      const release = await requireRelease(world, context.operation, input.release)
      if (input.isRepeatable) await forgetLost(world, context)
      const result = await runToSuccess(
        world,
        context,
        'migration of the live data',
        await migrationCommand(world, release, { stores: input.stores }),
      )
      return { durationMs: result.durationMs }
    },
    /** The old release goes on with migrated data, if its own tests say that it can; otherwise only a person can decide. */
    async undo(input, context, output) {
      await endCommand(world, context)
      const { app, environment } = context.operation
      const table = await world.proxy.current(app, environment)
      const live = Object.values(table?.stores ?? {})
      // Otherwise the data was made by this operation, and goes with it.
      if (!Object.values(input.stores).some(folder => live.includes(folder))) return
      const what = output === undefined ? 'what the migration had written by then stays in the data' : 'the data stays migrated'
      if (input.serving === null) return context.remains(`${what}; nothing runs that could be tested on it`)
      const serving = await requireRelease(world, { app, environment }, input.serving)
      const backendFor = (service: string) => backendOf(world, table?.groups[service] ?? '', context.signal)
      const { test } = serving.spec.release
      await smokeTests(serving.spec, test, backendFor, context)
      context.remains(`${what}; ${serving.id} ${test.length === 0 ? 'has no tests to show whether it works' : 'passed its tests'} on it`)
    },
  })

export const migrateKinds = (world: World) => [migrate(world)]
