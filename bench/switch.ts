/**
 * Does a switch of releases lose anything? 100 commits under 32 clients that keep their connections and never retry, a client
 * that posts now and then, and clients that open a connection for each request. And: posts that come just as the application
 * closes its idle connections.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { benchTable, startBenchFront, startBenchInstance } from './front.ts'
import { startLoad } from './load.ts'
import { RawClient } from './raw-client.ts'
import type { LoadFigures, Tally } from './switch-load.ts'

export interface SwitchFigures extends LoadFigures {
  commits: number
  commitMs: { median: number; worst: number }
}

export async function benchSwitch(commits = 100): Promise<SwitchFigures> {
  const front = await startBenchFront()
  const instances = [await startBenchInstance('0'), await startBenchInstance('1')]
  const table = (generation: number) => benchTable(generation, [{ host: 'bench', backends: instances[generation % 2]?.backends ?? [] }])
  await front.proxy.commit(table(1), 0)
  const load = startLoad(front.port, { clients: 32, pauseMs: 0 })
  const times: number[] = []
  for (let generation = 2; generation <= commits + 1; generation++) {
    await delay(50)
    load.begins(generation)
    const start = performance.now()
    await front.proxy.commit(table(generation), generation - 1)
    times.push(performance.now() - start)
    load.isDone(generation)
  }
  await delay(200)
  const figures = await load.end()
  for (const instance of instances) await instance.stop()
  await front.stop()
  times.sort((a, b) => a - b)
  return { ...figures, commits, commitMs: { median: times[commits >> 1] ?? 0, worst: times.at(-1) ?? 0 } }
}

export interface IdlePostFigures {
  front: Tally
  /** The same posts by a client that keeps its connection to the application itself: what a careless proxy loses. */
  direct: Tally
}

/** The application closes after 100 ms; posts come every 96 to 104 ms, on 40 hosts beside each other, each with its own backend. */
export async function benchIdlePosts(posts = 2_000): Promise<IdlePostFigures> {
  const lanes = 40
  const front = await startBenchFront()
  const instance = await startBenchInstance('idle', 100, 2 * lanes)
  const routes = instance.backends.slice(0, lanes).map((backend, n) => ({ host: `lane${n}`, backends: [backend] }))
  await front.proxy.commit(benchTable(1, routes), 0)
  const lane = async (port: number, host: string, tally: Tally) => {
    const client = new RawClient(port, true)
    await delay(Math.random() * 100)
    for (let i = 0; i < posts / lanes; i++) {
      tally.sent += 1
      const status = await client.ask('POST', host).then(
        answer => answer.status,
        () => 0,
      )
      if (status !== 200) tally.lost += 1
      await delay(96 + Math.random() * 8)
    }
    client.close()
  }
  const figures: IdlePostFigures = { front: { sent: 0, lost: 0 }, direct: { sent: 0, lost: 0 } }
  await Promise.all(Array.from({ length: lanes }, (_, n) => lane(front.port, `lane${n}`, figures.front)))
  await Promise.all(instance.backends.slice(lanes).map(({ port }, n) => lane(port, `lane${n}`, figures.direct)))
  await instance.stop()
  await front.stop()
  return figures
}

if (import.meta.main) {
  const { commits, keepAlive, lowRatePosts, newConnections, stale, commitMs } = await benchSwitch()
  console.log(`${commits} commits: median ${commitMs.median.toFixed(1)} ms, worst ${commitMs.worst.toFixed(1)} ms; stale answers ${stale}`)
  const { front, direct } = await benchIdlePosts()
  console.table({
    'keep-alive, 32 clients': keepAlive,
    'POST at a low rate': lowRatePosts,
    'new connections': newConnections,
    'POST as the app closes': front,
    '  (without the front)': direct,
  })
}
