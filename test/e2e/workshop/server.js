// Says who it is, breaks when it is told to, and prints what it is asked to print.
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const { DATA = '.', PORT, GREETING = '' } = process.env
if (existsSync(join(DATA, 'broken'))) {
  console.error('broken at the start')
  process.exit(3)
}
const version = readFileSync(join(import.meta.dirname, 'version'), 'utf8').trim()

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://workshop')
  if (pathname === '/slow') await delay(200)
  if (pathname === '/print') for (let n = 1; n <= Number(searchParams.get('lines')); n++) console.log(`${searchParams.get('word')} ${n}`)
  response.end(JSON.stringify({ version, greeting: GREETING, pid: process.pid, release: process.env.RELEASE }))
})
server.listen(PORT, '127.0.0.1', () => console.log(`version ${version} listens`))
process.on('SIGTERM', () => server.close())
