/** A bundled front and instances of their own processes, for the benches beside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { EmbeddedProxy } from '../src/drivers/proxies/embedded/driver.ts'
import { createEmbeddedProxy, frontProgram } from '../src/drivers/proxies/embedded/index.ts'
import { systemClock } from '../src/lib/clock.ts'
import type { RouteTable, TableRoute } from '../src/ports/proxy.ts'
import type { Backend } from '../src/ports/runtime.ts'

export interface BenchFront {
  proxy: EmbeddedProxy
  port: number
  stop(): Promise<void>
}

/** As it is released: one bundled file; running from source costs 30 MB for the types. */
export async function startBenchFront(): Promise<BenchFront> {
  const home = await mkdtemp(join(tmpdir(), 'fettle-bench-'))
  const entry = join(home, 'front.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, '../src/front.ts')],
    outfile: entry,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    define: { esbuildDetection: 'true' }, // leaves undici's second, experimental parser out
    logLevel: 'warning',
  })
  const proxy = createEmbeddedProxy({ home, program: frontProgram(entry), listen: { host: '127.0.0.1', port: 0 }, clock: systemClock })
  await proxy.open()
  return {
    proxy,
    port: Number(new URL(await proxy.address()).port),
    stop: async () => {
      await proxy.shutdown()
      await rm(home, { recursive: true })
    },
  }
}

/** Answers 1 KB that begins with its name; closes idle connections after `idleMs`. Prints its ports. */
const INSTANCE = `
const { createServer } = require('node:http')
const [name, idleMs, count] = process.argv.slice(1)
const body = name.padEnd(1024, '.')
const ports = []
for (let i = 0; i < count; i++) {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 1024 })
    response.end(body)
  })
  server.keepAliveTimeout = Number(idleMs)
  server.keepAliveTimeoutBuffer = 0
  server.listen(0, '127.0.0.1', () => {
    ports.push(server.address().port)
    if (ports.length === Number(count)) console.log(ports.join(' '))
  })
}`

export interface BenchInstance {
  child: ChildProcess
  backends: (Backend & { kind: 'tcp' })[]
  stop(): Promise<void>
}

export async function startBenchInstance(name: string, idleMs = 5_000, count = 1): Promise<BenchInstance> {
  const child = spawn(process.execPath, ['-e', INSTANCE, name, String(idleMs), String(count)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const backends = line
    .toString()
    .trim()
    .split(' ')
    .map(port => ({ kind: 'tcp', host: '127.0.0.1', port: Number(port) }) as const)
  return {
    child,
    backends,
    stop: async () => {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

export function benchTable(generation: number, routes: Pick<TableRoute, 'host' | 'backends'>[]): RouteTable {
  return {
    format: 1,
    app: 'bench',
    environment: 'production',
    generation,
    release: `r${generation}`,
    activation: `r${generation}`,
    stores: {},
    groups: {},
    routes: routes.map(route => ({ path: '/', service: 'web', ...route })),
  }
}
