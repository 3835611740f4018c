/**
 * Does a switch of releases lose anything? 100 commits under 32 clients that keep their connections and never retry, a client
 * that posts now and then, and clients that open a connection for each request. And: posts that come just as the application
 * closes its idle connections.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { benchTable, startBenchFront, startBenchInstance } from './front.ts'
import { RawClient } from './raw-client.ts'

export interface SwitchFigures {
  commits: number
  /** Requests sent and lost (no whole answer, or one above 499), by kind of client. */
  keepAlive: Tally
  lowRatePosts: Tally
  newConnections: Tally
  /** Answers of the old release to requests sent after the commit had resolved. */
  stale: number
  commitMs: { median: number; worst: number }
}

interface Tally {
  sent: number
  lost: number
}

export async function benchSwitch(commits = 100): Promise<SwitchFigures> {
  const front = await startBenchFront()
  const instances = [await startBenchInstance('0'), await startBenchInstance('1')]
  const routes = (generation: number) => [{ host: 'bench', backends: instances[generation % 2]?.backends ?? [] }]
  await front.proxy.commit(benchTable(1, routes(1)), 0)
  let begun = 1
  let done = 1
  let isOver = false
  let stale = 0
  const run = async (client: RawClient, method: (i: number) => 'GET' | 'POST', tally: Tally, pauseMs: (i: number) => number) => {
    for (let i = 0; !isOver; i++) {
      const [doneBefore, begunBefore] = [done, begun]
      tally.sent += 1
      try {
        const { status, body } = await client.ask(method(i))
        if (status !== 200) tally.lost += 1
        else if (begun === begunBefore && begunBefore === doneBefore && !body.startsWith(String(doneBefore % 2))) stale += 1
      } catch {
        tally.lost += 1
      }
      if (pauseMs(i) > 0) await delay(pauseMs(i))
    }
    client.close()
  }
  const [keepAlive, lowRatePosts, newConnections] = [0, 1, 2].map(() => ({ sent: 0, lost: 0 })) as [Tally, Tally, Tally]
  const clients = [
    ...Array.from({ length: 32 }, (_, n) =>
      run(
        new RawClient(front.port, true),
        () => (n % 4 === 0 ? 'POST' : 'GET'),
        keepAlive,
        () => 0,
      ),
    ),
    ...Array.from({ length: 4 }, () =>
      run(
        new RawClient(front.port, false),
        i => (i % 4 === 0 ? 'POST' : 'GET'),
        newConnections,
        () => 0,
      ),
    ),
    run(
      new RawClient(front.port, true),
      () => 'POST',
      lowRatePosts,
      i => 20 + (i % 60),
    ),
  ]
  const times: number[] = []
  for (let generation = 2; generation <= commits + 1; generation++) {
    await delay(50)
    begun = generation
    const start = performance.now()
    await front.proxy.commit(benchTable(generation, routes(generation)), generation - 1)
    times.push(performance.now() - start)
    done = generation
  }
  await delay(200)
  isOver = true
  await Promise.all(clients)
  for (const instance of instances) await instance.stop()
  await front.stop()
  times.sort((a, b) => a - b)
  const commitMs = { median: times[Math.floor(times.length / 2)] ?? 0, worst: times.at(-1) ?? 0 }
  return { commits, keepAlive, lowRatePosts, newConnections, stale, commitMs }
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
