/** The clients of the switch benches, in a thread of their own: they must not slow down what is timed. */
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { RawClient } from './raw-client.ts'

export interface Tally {
  sent: number
  /** No whole answer, or one that is not 200. */
  lost: number
}

export interface LoadFigures {
  keepAlive: Tally
  lowRatePosts: Tally
  newConnections: Tally
  /** Answers of the old release to requests sent after the commit had resolved. */
  stale: number
}

export interface SharedState {
  port: number
  /** [generation whose switch has begun, generation whose switch has resolved, 1 when it is over] */
  generations: Int32Array
  /** That keep their connections, and how long each pauses between its requests. */
  keepAlive: { clients: number; pauseMs: number }
}

const { port, generations, keepAlive } = workerData as SharedState
const [begun, done] = [() => Atomics.load(generations, 0), () => Atomics.load(generations, 1)]
const isOver = () => Atomics.load(generations, 2) === 1
const newTally = (): Tally => ({ sent: 0, lost: 0 })
const figures: LoadFigures = { keepAlive: newTally(), lowRatePosts: newTally(), newConnections: newTally(), stale: 0 }

/** Instances answer the parity of the generations that they serve. */
async function run(
  tally: Tally,
  keepsAlive: boolean,
  method: (i: number) => 'GET' | 'POST',
  pauseMs: (i: number) => number,
): Promise<void> {
  const client = new RawClient(port, keepsAlive)
  for (let i = 0; !isOver(); i++) {
    const before = done()
    tally.sent += 1
    try {
      const { status, body } = await client.ask(method(i))
      const isSettled = begun() === before
      if (status !== 200) tally.lost += 1
      else if (isSettled && !body.startsWith(String(before % 2))) figures.stale += 1
    } catch {
      tally.lost += 1
    }
    if (pauseMs(i) > 0) await delay(pauseMs(i))
  }
  client.close()
}

const some = (count: number, client: (n: number) => Promise<void>): Promise<void>[] => Array.from({ length: count }, (_, n) => client(n))
await Promise.all([
  ...some(keepAlive.clients, n =>
    run(
      figures.keepAlive,
      true,
      () => (n % 4 === 0 ? 'POST' : 'GET'),
      () => keepAlive.pauseMs,
    ),
  ),
  ...some(4, () =>
    run(
      figures.newConnections,
      false,
      i => (i % 4 === 0 ? 'POST' : 'GET'),
      () => keepAlive.pauseMs,
    ),
  ),
  ...some(1, () =>
    run(
      figures.lowRatePosts,
      true,
      () => 'POST',
      i => 20 + (i % 60),
    ),
  ),
])
parentPort?.postMessage(figures)
