/**
 * The daemon: holds the journal, brings open operations to an end, serves the API. It decides; what serves, runs without it.
 * Started with everything it needs; `stop()` lets go of all that runs and leaves it running.
 */
import { chmod, mkdir } from 'node:fs/promises'
import type { Hide } from '../core/free-text.ts'
import { layout } from '../core/layout.ts'
import { environmentLease } from '../core/names.ts'
import { isOver } from '../core/plan.ts'
import { Engine } from '../engine/engine.ts'
import { Journal } from '../engine/journal.ts'
import type { RedactedStream } from '../lib/redact.ts'
import { allKinds, followUps } from '../operations/planner.ts'
import type { World } from '../operations/world.ts'
import type { BootEnabler } from './boot.ts'
import { firstOperationNumber } from './epoch.ts'
import type { Faults } from './faults.ts'
import { appOf, handlersOf } from './handlers.ts'
import { placeOf, settleHome } from './home.ts'
import { followMoves } from './moves.ts'
import { serveApi } from './server.ts'
import { keepServing, startEnded } from './serving.ts'
import { sweepHalfWritten, sweepOperation, sweepStrays } from './sweep.ts'

export interface AgentOptions {
  world: World
  faults: Faults
  boot: BootEnabler
  /** Makes a home that was at these paths one that is where it is now; see `settleHome`. */
  moveHome(from: string[]): Promise<void>
  hide: Hide
  /** Hides the same in bytes. @param covered of the stream that it goes on from */
  maskedStream(app: string, covered: number): RedactedStream
  log(text: string): void
  /** Called when a client asked the agent to end. */
  onShutdown(): void
}

export interface Agent {
  stop(): Promise<void>
}

/** @throws FettleError BUSY when another agent holds the home */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { world, faults, hide, log } = options
  const paths = layout(world.layout.home)
  for (const folder of [paths.agent, paths.keys]) {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await chmod(folder, 0o700)
  }
  const journal = new Journal(paths.journal, { firstNumber: await firstOperationNumber(world) })
  const onError = (error: unknown) => log(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  const engine = new Engine({
    journal,
    kinds: allKinds(world),
    clock: world.clock,
    hide,
    fault: (operation, point) => faults.reach(`${operation.plan.kind}/${point}`),
    async followUps(ended) {
      await sweepOperation(world, ended)
      await faults.reach(`${ended.plan.kind}/swept`)
      return followUps(world, ended)
    },
    onError,
  })
  await settleHome({ layout: paths, unended: journal.unended(), move: options.moveHome, log })
  await world.runtime.open()
  await world.proxy.open()
  await sweepHalfWritten(world)
  const isBusy = (app: string, environment: string) => journal.holder(environmentLease(app, environment)) !== undefined
  // Before any operation goes on: what ends meanwhile clears up after itself, and two must not remove the same.
  await sweepStrays(world, { isOpen: id => journal.isOpen(id), isBusy }, onError)
  await startEnded(world, onError)
  await engine.recover()
  const moves = followMoves(world, onError)
  await keepServing(world, isBusy, onError)
  await moves.catchUp()
  engine.subscribe(event => {
    if (event.type === 'operation' && isOver(event.state)) moves.catchUp().catch(onError)
  })
  const server = await serveApi({
    socket: paths.socket,
    version: world.version,
    hide,
    requirePlace: placeOf(world.layout.home),
    appOf: input => appOf(input, journal),
    handlers: handlersOf({ ...options, engine, journal, startedAt: world.clock.now() }),
  })
  log(`agent ${world.version} serves ${paths.socket}`)
  return {
    async stop() {
      await server.stop()
      moves.stop()
      await engine.stop()
      await world.runtime.close()
      await world.proxy.close()
      journal.close()
    },
  }
}
