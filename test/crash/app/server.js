// A ledger: numbered entries in SQLite, files in a folder. What it acknowledged is on disk.
import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'

const { DATABASE, UPLOADS, PORT, TOKEN } = process.env
const { version, sick } = JSON.parse(readFileSync('built.json', 'utf8'))
const db = new DatabaseSync(DATABASE, { timeout: 10_000 })
db.exec('pragma synchronous = full')
const add = db.prepare('insert into entries values (?, ?)')
const isSick = sick === 'web' && DATABASE.includes('/live/')

const server = createServer(async (request, response) => {
  const [, what, name] = request.url.split('/')
  const reply = (status, body) => response.writeHead(status, { connection: server.listening ? 'keep-alive' : 'close' }).end(body)
  try {
    if (what === 'entries') add.run(Number(name), new Date().toISOString())
    if (what === 'files') await store(name, await text(request))
    reply(isSick && what === '' ? 500 : 200, JSON.stringify({ version, hasToken: TOKEN === 'the token' }))
  } catch (error) {
    reply(500, error.message)
  }
})
server.listen(PORT, '127.0.0.1')

async function store(name, content) {
  const temporary = join(UPLOADS, `.${name}.${process.pid}`)
  await writeFile(temporary, content, { flush: true })
  await rename(temporary, join(UPLOADS, name))
}

process.on('SIGTERM', () => server.close(() => db.close()))
