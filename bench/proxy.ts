/** What the front costs: requests a second against the same instance asked directly, memory, and how soon it sees an instance return. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { benchTable, startBenchFront, startBenchInstance } from './front.ts'
import { RawClient } from './raw-client.ts'

interface Load {
  requestsPerSecond: number
  p99Ms: number
  /** Of the asked process, a request: comparable where other work disturbs the rest. */
  cpuMicros: number
}

export interface ProxyFigures {
  direct: Load
  front: Load
  ratio: number
  idle: Memory
  loaded: Memory
}

interface Memory {
  rssMb: number
  pssMb: number
}

/** 64 connections, 1 KB, three rounds of both in turn; the median. @returns undefined without wrk */
export async function benchProxy(seconds = 4): Promise<ProxyFigures | undefined> {
  if (!hasWrk()) return undefined
  const front = await startBenchFront()
  const instance = await startBenchInstance('bench')
  const port = instance.backends[0]?.port ?? 0
  await front.proxy.commit(benchTable(1, [{ host: '*', backends: instance.backends }]), 0)
  const { pid } = await front.proxy.about()
  await delay(500)
  const idle = memoryOf(pid)
  // Compiled code costs half of what is interpreted, and a busy machine needs its time to get there.
  for (let warm = 0, i = 0; warm < 60_000 && i < 10; i++) warm += wrk(front.port, seconds, pid).requestsPerSecond * seconds
  const rounds = [0, 1, 2].map(() => ({ direct: wrk(port, seconds, instance.child.pid ?? 0), front: wrk(front.port, seconds, pid) }))
  const loaded = memoryOf(pid)
  await instance.stop()
  await front.stop()
  const median = (of: (round: { direct: Load; front: Load }) => Load): Load =>
    rounds.map(of).toSorted((a, b) => a.requestsPerSecond - b.requestsPerSecond)[1] ?? { requestsPerSecond: 0, p99Ms: 0, cpuMicros: 0 }
  const [direct, through] = [median(round => round.direct), median(round => round.front)]
  return { direct, front: through, ratio: through.requestsPerSecond / direct.requestsPerSecond, idle, loaded }
}

export interface ReturnFigures {
  medianMs: number
  worstMs: number
}

/** From the moment an instance listens again to the answer of a request that waited for it. */
export async function benchReturn(times = 20): Promise<ReturnFigures> {
  const front = await startBenchFront()
  const server = createServer((_request, response) => response.setHeader('content-length', '2').end('ok'))
  const listen = (port: number) => new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as { port: number }
  await front.proxy.commit(benchTable(1, [{ host: 'bench', backends: [{ kind: 'tcp', host: '127.0.0.1', port }] }]), 0)
  const client = new RawClient(front.port, true)
  await client.ask('POST')
  const waits: number[] = []
  for (let i = 0; i < times; i++) {
    const closed = new Promise(resolve => server.close(resolve))
    server.closeAllConnections()
    await closed
    const answer = client.ask('POST')
    await delay(30 + i)
    await listen(port)
    const start = performance.now()
    await answer
    waits.push(performance.now() - start)
  }
  client.close()
  await front.stop()
  server.close()
  server.closeAllConnections()
  waits.sort((a, b) => a - b)
  return { medianMs: waits[times >> 1] ?? 0, worstMs: waits.at(-1) ?? 0 }
}

function hasWrk(): boolean {
  try {
    execFileSync('which', ['wrk'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function wrk(port: number, seconds: number, pid: number): Load {
  const before = cpuMicrosOf(pid)
  const text = execFileSync('wrk', ['-t1', '-c64', `-d${seconds}s`, '--latency', `http://127.0.0.1:${port}/`], { encoding: 'utf8' })
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`wrk saw errors:\n${text}`)
  const [, value = '0', unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? []
  const p99Ms = Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit ?? 'ms'] ?? 1)
  const cpuMicros = (cpuMicrosOf(pid) - before) / Number(/(\d+) requests in/.exec(text)?.[1])
  return { requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]), p99Ms, cpuMicros: Math.round(cpuMicros) }
}

/** User and system time; the kernel counts in hundredths of a second. */
function cpuMicrosOf(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').slice(13, 15)
  return (Number(user) + Number(system)) * 10_000
}

function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const mb = (name: string) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024)
  return { rssMb: mb('Rss'), pssMb: mb('Pss') }
}

if (import.meta.main) {
  const figures = await benchProxy()
  if (figures === undefined) console.log('throughput: skipped, wrk is missing (apt-get install wrk)')
  else {
    console.table({ direct: figures.direct, front: figures.front })
    console.log(`ratio ${figures.ratio.toFixed(2)}; idle`, figures.idle, 'loaded', figures.loaded)
  }
  console.log('an instance that listens again is answered from after', await benchReturn())
}
