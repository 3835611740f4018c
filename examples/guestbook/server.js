// A guestbook: entries in SQLite, uploads in a folder. PORT, DATABASE and UPLOADS come from the environment.
import { randomUUID } from 'node:crypto'
import { createWriteStream, readFileSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { openEntries } from './entries.js'
import { page } from './page.js'

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'))
const uploads = process.env.UPLOADS ?? 'uploads'
const entries = openEntries(process.env.DATABASE ?? 'guestbook.db')

const routes = {
  'GET /': (_, response) => send(response, 200, page(entries.newest(50), version), 'text/html; charset=utf-8'),
  'GET /health': (_, response) => send(response, 200, 'ok\n', 'text/plain'),
  'GET /version': (_, response) => send(response, 200, { version, pid: process.pid }),
  'GET /entries': (_, response) => send(response, 200, entries.newest(1000)),
  'POST /entries': sign,
  'PUT upload': store,
  'GET upload': show,
}

async function sign(request, response) {
  const body = await text(request)
  const isJson = request.headers['content-type']?.startsWith('application/json')
  const { author, text: words } = isJson ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body))
  if (!author || typeof words !== 'string') return send(response, 400, { error: 'author and text are needed' })
  const id = entries.add(String(author), words)
  if (!request.headers.accept?.includes('text/html')) return send(response, 201, { id })
  head(response, 303, { location: '/' }).end() // a browser goes back to the page
}

/** Written beside, then renamed: a reader sees a whole file. */
async function store(request, response, name) {
  const temporary = join(uploads, `.${randomUUID()}`)
  await mkdir(uploads, { recursive: true })
  try {
    await pipeline(request, createWriteStream(temporary, { flush: true }))
    await rename(temporary, join(uploads, name))
  } finally {
    await rm(temporary, { force: true })
  }
  send(response, 201, { name })
}

async function show(_, response, name) {
  const file = await open(join(uploads, name)).catch(() => undefined)
  if (file === undefined) return send(response, 404, { error: `there is no ${name}` })
  head(response, 200, { 'content-type': 'application/octet-stream', 'content-length': (await file.stat()).size })
  await pipeline(file.createReadStream(), response)
}

function send(response, status, body, type = 'application/json') {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  head(response, status, { 'content-type': type, 'content-length': bytes.length }).end(bytes)
}

/** While it stops, it tells clients to open a new connection elsewhere. */
function head(response, status, headers) {
  return response.writeHead(status, server.listening ? headers : { ...headers, connection: 'close' })
}

const server = createServer(async (request, response) => {
  const [path] = request.url.split('?')
  const name = /^\/uploads\/([A-Za-z0-9][\w.-]{0,99})$/.exec(path)?.[1]
  const route = routes[`${request.method.replace('HEAD', 'GET')} ${name === undefined ? path : 'upload'}`]
  try {
    if (route === undefined) send(response, 404, { error: 'not found' })
    else await route(request, response, name)
  } catch (error) {
    console.error(`${request.method} ${request.url} failed: ${error.message}`)
    if (response.headersSent) response.destroy()
    else send(response, error instanceof SyntaxError ? 400 : 500, { error: error.message })
  }
})
server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => console.log(`guestbook ${version} listens on ${server.address().port}`))

process.on('SIGTERM', () => server.close(() => entries.close()))
