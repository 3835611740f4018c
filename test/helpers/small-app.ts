/** The smallest app that serves: says its version, its release and its pid. Deployed in about a second. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const SERVER = `
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
const version = readFileSync(new URL('version', import.meta.url), 'utf8').trim()
const answer = JSON.stringify({ version, release: process.env.RELEASE, pid: process.pid })
createServer((request, response) => response.end(answer)).listen(process.env.PORT, '127.0.0.1')
process.on('SIGTERM', () => process.exit())
`

const FILE = `app: small
services:
  web:
    run: node server.js
    env: { RELEASE: "\${release}" }
    ready: { http: /, within: 20s }
routes:
  - { host: small.test, to: web }
release:
  rehearse: off
  bake: { for: 0s }
`

export const SMALL_HOST = 'small.test'

/** @param more is put below its fettle.yaml */
export async function assembleSmall(into: string, more = ''): Promise<void> {
  await mkdir(into, { recursive: true })
  await writeFile(join(into, 'fettle.yaml'), `${FILE}${more}`)
  await writeFile(join(into, 'package.json'), '{ "type": "module" }')
  await writeFile(join(into, 'server.js'), SERVER)
  await writeFile(join(into, 'version'), '1\n')
}
