/** An instance is killed: how soon does the next request have its answer, beyond the time that the app itself takes to start? */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openInstallation } from '../test/helpers/installation.ts'
import { RawClient } from './raw-client.ts'
import { atMost, median, type Row } from './row.ts'

const SERVER = `
const server = require('node:http').createServer((request, response) => response.end(String(process.pid)))
server.listen(process.env.PORT, '127.0.0.1', () => console.log('listening'))`

const FILE = `app: bench
services:
  web: { run: node server.js }
routes: [{ host: bench, to: web }]
environments: { production: {} }
`

async function assemble(into: string): Promise<void> {
  await mkdir(into, { recursive: true })
  await writeFile(join(into, 'server.js'), SERVER)
  await writeFile(join(into, 'fettle.yaml'), FILE)
}

/** From the start of its process to the line that it prints when it listens. */
async function ownStartMs(folder: string): Promise<number> {
  const began = performance.now()
  const child = spawn('node', ['server.js'], { cwd: folder, env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  const took = performance.now() - began
  child.kill('SIGKILL')
  await ended
  return took
}

async function returnMs(client: RawClient): Promise<number> {
  const { body } = await client.ask('GET')
  const began = performance.now()
  process.kill(Number(body), 'SIGKILL')
  for (;;) {
    // One that the dead instance had taken is lost, as it must be; the next one waits for its successor.
    const answer = await client.ask('GET').catch(() => undefined)
    if (answer?.status === 200 && answer.body !== body) return performance.now() - began
  }
}

export async function benchRestart(rounds = 15): Promise<Row[]> {
  const installation = await openInstallation(assemble)
  try {
    await installation.must(['deploy'])
    const client = new RawClient(Number(new URL(await installation.address()).port), true)
    const own: number[] = []
    const whole: number[] = []
    for (let round = 0; round < rounds; round++) {
      own.push(await ownStartMs(installation.app))
      whole.push(await returnMs(client))
      // A quick death is answered at once only the first time: what is measured is one kill of an app that had been well.
      await installation.must(['restart'])
    }
    client.close()
    const detail = `own start ${median(own).toFixed(0)} ms, in all ${median(whole).toFixed(0)} ms`
    return [
      atMost(`kill -9 of the only instance → next answer, beyond the app's own start (${detail})`, median(whole) - median(own), 25, 'ms'),
    ]
  } finally {
    await installation.close()
  }
}
