/** Does a deploy lose anything? 100 whole ones, rehearsed, each of a changed source, under clients that never send anything twice. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openInstallation } from '../test/helpers/installation.ts'
import { startLoad } from './load.ts'
import { none, type Row } from './row.ts'

/** Answers the parity of its generation. */
const server = (generation: number): string => `
require('node:http').createServer((request, response) => request.resume().on('end', () => {
  const body = '${generation % 2}'
  response.writeHead(200, { 'content-length': body.length }).end(body)
})).listen(process.env.PORT, '127.0.0.1')
`

const FILE = `app: bench
services:
  web: { run: node server.js, instances: 2, ready: { http: / } }
routes: [{ host: bench, to: web }]
release: { test: [{ http: /, status: 200 }] }
environments: { production: {} }
`

export async function benchDeploys(deploys = 100): Promise<Row[]> {
  const installation = await openInstallation(async into => {
    await mkdir(into, { recursive: true })
    await writeFile(join(into, 'fettle.yaml'), FILE)
    await writeFile(join(into, 'server.js'), server(1))
  })
  try {
    await installation.must(['deploy'])
    const load = startLoad(Number(new URL(await installation.address()).port), { clients: 8, pauseMs: 5 })
    for (let generation = 2; generation <= deploys + 1; generation++) {
      await writeFile(join(installation.app, 'server.js'), server(generation))
      load.begins(generation)
      await installation.must(['deploy'])
      load.isDone(generation)
    }
    const { keepAlive, lowRatePosts, newConnections, stale } = await load.end()
    return [
      none(`lost over ${deploys} deploys: keep-alive clients that never retry`, keepAlive.lost, keepAlive.sent),
      none('  POSTs at a low rate', lowRatePosts.lost, lowRatePosts.sent),
      none('  new connections', newConnections.lost, newConnections.sent),
      none('  answers of the old release after the deploy', stale, keepAlive.sent + lowRatePosts.sent + newConnections.sent),
    ]
  } finally {
    await installation.close()
  }
}
