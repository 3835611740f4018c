import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { parse } from 'yaml'
import { Spec } from '../../src/core/spec/schema.ts'
import { type Guestbook, guestbookData } from '../helpers/guestbook.ts'

const post = (book: Guestbook, author: string, text = 'hello') =>
  fetch(`${book.url}/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ author, text }),
  })

interface Entry {
  author: string
  words?: number
}

const entriesOf = async (book: Guestbook) => (await (await fetch(`${book.url}/entries`)).json()) as Entry[]

function rows(database: string, sql: string) {
  const db = new DatabaseSync(database, { readOnly: true })
  try {
    return db.prepare(sql).all()
  } finally {
    db.close()
  }
}

test('the fettle.yaml of the guestbook follows the schema', async () => {
  const text = await readFile(join(import.meta.dirname, '../../examples/guestbook/fettle.yaml'), 'utf8')
  const spec = Spec.parse(parse(text))
  assert.deepEqual(Object.keys(spec.services), ['web', 'digest'])
  assert.equal(spec.release.migrate, 'node migrate.js')
})

test('an entry is in the database when its id comes back, from JSON as from a form', async t => {
  const data = await guestbookData(t)
  assert.equal((await data.migrate('v1')).status, 0)
  const book = await data.start('v1')
  const answer = await post(book, 'Ada')
  assert.equal(answer.status, 201)
  assert.deepEqual(await answer.json(), { id: 1 })
  const form = await fetch(`${book.url}/entries`, { method: 'POST', body: new URLSearchParams({ author: 'Bob', text: '<b>&"' }) })
  assert.equal(form.status, 201)
  assert.deepEqual(
    rows(data.database, 'select author, text from entries').map(row => ({ ...row })),
    [
      { author: 'Ada', text: 'hello' },
      { author: 'Bob', text: '<b>&"' },
    ],
  )
  assert.equal((await entriesOf(book)).length, 2)
  assert.match(await (await fetch(`${book.url}/version`)).text(), /"version":"1.0.0"/)
})

test('the page shows entries as text and ends in its footer', async t => {
  const data = await guestbookData(t)
  await data.migrate('v1')
  const book = await data.start('v1')
  await post(book, '<script>')
  const page = await (await fetch(book.url)).text()
  assert.ok(page.includes('&#60;script&#62;') && !page.includes('<script>'))
  assert.match(page.slice(-2000), /<\/footer>/)
})

test('a browser is sent back to the page after it signed', async t => {
  const data = await guestbookData(t)
  await data.migrate('v1')
  const book = await data.start('v1')
  const body = new URLSearchParams({ author: 'Ada', text: 'hi' })
  const answer = await fetch(`${book.url}/entries`, { method: 'POST', body, headers: { accept: 'text/html' }, redirect: 'manual' })
  assert.equal(answer.status, 303)
})

test('requests that make no sense are answered with 400 and 404, and change nothing', async t => {
  const data = await guestbookData(t)
  await data.migrate('v1')
  const book = await data.start('v1')
  const headers = { 'content-type': 'application/json' }
  for (const body of ['{', '{}', '{"author":"","text":"x"}', '{"author":"a"}'])
    assert.equal((await fetch(`${book.url}/entries`, { method: 'POST', headers, body })).status, 400, body)
  for (const path of ['/nothing', '/uploads/', '/uploads/none', '/uploads/..%2fguestbook.db', '/uploads/.hidden'])
    assert.equal((await fetch(book.url + path)).status, 404, path)
  assert.deepEqual(rows(data.database, 'select * from entries'), [])
})

test('an upload comes back byte for byte', async t => {
  const data = await guestbookData(t)
  await data.migrate('v1')
  const book = await data.start('v1')
  const bytes = Buffer.alloc(300_000, 'upload\0')
  assert.equal((await fetch(`${book.url}/uploads/a.bin`, { method: 'PUT', body: bytes })).status, 201)
  const back = Buffer.from(await (await fetch(`${book.url}/uploads/a.bin`)).arrayBuffer())
  assert.ok(back.equals(bytes))
})

test('at SIGTERM a request that has begun is answered, and the process ends with 0', async t => {
  const data = await guestbookData(t)
  await data.migrate('v1')
  const book = await data.start('v1')
  const socket = connect(Number(new URL(book.url).port), '127.0.0.1')
  const body = 'author=Ada&text=late'
  socket.write(`POST /entries HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`)
  await once(socket, 'data') // 100 Continue: the server is in the midst of it
  book.child.kill('SIGTERM')
  const refused = async () =>
    fetch(`${book.url}/health`)
      .then(() => false)
      .catch(() => true)
  while (!(await refused())) await new Promise(setImmediate)
  const [[answer], [code]] = await Promise.all([once(socket, 'data'), once(book.child, 'exit'), socket.write(body)])
  assert.match(String(answer), /^HTTP\/1.1 201 .*connection: close/is)
  assert.equal(code, 0)
  socket.destroy()
})

test('migrating twice changes nothing the second time', async t => {
  const data = await guestbookData(t)
  await data.migrate('v2')
  const before = rows(data.database, 'select * from sqlite_schema')
  assert.equal((await data.migrate('v2')).status, 0)
  assert.deepEqual(rows(data.database, 'select * from sqlite_schema'), before)
})

test('v2 counts the words of the entries of v1, and v1 goes on beside it', async t => {
  const data = await guestbookData(t)
  await data.migrate('v1')
  const old = await data.start('v1')
  await post(old, 'Ada', 'three short words')
  assert.equal((await data.migrate('v2')).status, 0)
  const next = await data.start('v2')
  assert.equal((await post(old, 'Bob', 'still here')).status, 201)
  assert.equal((await post(next, 'Cyd', 'two words')).status, 201)
  const words = (await entriesOf(next)).map(entry => [entry.author, entry.words])
  assert.deepEqual(words, [
    ['Cyd', 2],
    ['Bob', 0],
    ['Ada', 3],
  ])
  assert.equal((await entriesOf(old)).length, 3)
})

test('v3 fails to migrate where a guest signed twice, changes nothing, and works on an empty book', async t => {
  const data = await guestbookData(t)
  assert.equal((await data.migrate('v2')).status, 0)
  const book = await data.start('v2')
  await post(book, 'Ada')
  await post(book, 'Ada')
  const before = rows(data.database, 'select * from sqlite_schema')
  const { status, stderr } = await data.migrate('v3')
  assert.equal(status, 1)
  assert.match(stderr, /003-one-entry-a-guest\.sql failed: UNIQUE constraint failed/)
  assert.deepEqual(rows(data.database, 'select * from sqlite_schema'), before)
  assert.equal((await (await guestbookData(t)).migrate('v3')).status, 0)
})

test('v4 is healthy and answers a third of the requests with 500 after three hundred', async t => {
  const data = await guestbookData(t)
  await data.migrate('v4')
  const book = await data.start('v4')
  const statuses: number[] = []
  for (let n = 0; n < 300; n++) statuses.push((await fetch(book.url)).status)
  const later: number[] = []
  for (let n = 0; n < 30; n++) later.push((await post(book, `guest ${n}`)).status)
  assert.deepEqual([...new Set(statuses)], [200])
  assert.equal(later.filter(status => status === 500).length, 10)
  assert.equal((await fetch(`${book.url}/health`)).status, 200)
  assert.equal(rows(data.database, 'select * from entries').length, 20)
})

test('the digest writes its row and ends at SIGTERM', async t => {
  const data = await guestbookData(t)
  await data.migrate('v1')
  const { child } = await data.startDigest('v1')
  while (rows(data.database, 'select * from digest').length === 0) await new Promise(setImmediate)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
  const [row] = rows(data.database, 'select entries, pid from digest')
  assert.deepEqual({ ...row }, { entries: 0, pid: child.pid })
})
