/** The serving half of the embedded front within the test: no process, no files, no control socket. */
import { createPublicServer } from '../../src/drivers/proxies/embedded/front/server.ts'
import { Switchboard } from '../../src/drivers/proxies/embedded/front/switchboard.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Backend } from '../../src/ports/runtime.ts'
import { tableOf } from '../conformance/proxy.ts'

export interface FrontUnderTest {
  address: string
  port: number
  board: Switchboard
  /** Serves the backends for every host, as the next generation. */
  serve(...backends: Backend[]): void
  stop(): Promise<void>
}

/** @param found called each time a request has looked up where to go */
export async function startFront({ restartWaitMs = 10_000, trusted = false, found = () => {} } = {}): Promise<FrontUnderTest> {
  const board = new Switchboard(systemClock)
  const server = createPublicServer(
    {
      find: (host, target) => {
        found()
        return board.find(host, target)
      },
      now: systemClock.monotonic,
      isTrusted: () => trusted,
      restartWaitMs,
    },
    () => board.closeTunnels(),
  )
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.address()
  let generation = 0
  return {
    address: `http://127.0.0.1:${port}`,
    port,
    board,
    serve: (...backends) => {
      generation += 1
      board.serve(tableOf(generation, [], { routes: [{ host: '*', path: '/', service: 'web', backends }] }))
    },
    stop: async () => {
      board.serve(tableOf(generation + 1, [], { routes: [] }))
      await server.drain({ lingerMs: 0, drainMs: 0 })
    },
  }
}
