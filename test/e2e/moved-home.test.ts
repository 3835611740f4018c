/** A home at another place: what is there serves its own data, and nothing of the place where it was is touched. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ErrorJson } from '../../src/core/errors.ts'
import { ask } from '../helpers/http.ts'
import { Installation, openInstallation } from '../helpers/installation.ts'

const HOST = 'notes.test'
const FILE = `app: notes
services:
  web: { run: node server.cjs, env: { NOTES: "\${stores.notes.path}" }, ready: { http: /, within: 20s } }
stores: { notes: { files: . } }
routes: [{ host: ${HOST}, to: web }]
release: { rehearse: off, bake: { for: 0s } }
`
/** A POST makes a file named by its path; each answer is the folder. */
const SERVER = `
const { writeFileSync } = require('node:fs')
require('node:http').createServer((request, response) => {
  if (request.method === 'POST') writeFileSync(process.env.NOTES + request.url, '')
  response.end(process.env.NOTES)
}).listen(process.env.PORT, '127.0.0.1')
`

const newFolder = () => mkdtemp(join(tmpdir(), 'fettle-moved-'))
const notesOf = async ({ paths }: Installation): Promise<string[]> => {
  const store = paths.liveStore('notes', 'production', 'notes')
  const generations = await readdir(store)
  return (await Promise.all(generations.map(name => readdir(join(store, name))))).flat()
}
const write = (site: Installation, name: string) => site.ask(HOST, `/${name}`, { method: 'POST' })
const refusal = async (site: Installation): Promise<ErrorJson> =>
  JSON.parse((await site.run(['agent', 'start', '--json'], { cwd: site.folder })).stdout)

describe('a home that serves', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(async into => {
      await mkdir(into, { recursive: true })
      await writeFile(join(into, 'fettle.yaml'), FILE)
      await writeFile(join(into, 'server.cjs'), SERVER)
    })
    await site.must(['deploy'])
    await write(site, 'first')
  })
  after(() => site.close())

  test('is copied while it runs: the copy serves its own data, and neither writes the data of the other', async context => {
    const copy = new Installation(await newFolder())
    context.after(() => copy.close())
    for (const folder of [site.home, site.app]) execFileSync('cp', ['-a', folder, copy.folder])
    assert.equal((await copy.run(['agent', 'start'])).code, 0)
    await copy.until(({ state }) => state === 'up')
    const { text } = await write(copy, 'of-the-copy')
    assert.ok(text.startsWith(copy.home), text)
    await write(site, 'of-the-original')
    assert.deepEqual(
      [(await notesOf(copy)).sort(), (await notesOf(site)).sort()],
      [
        ['first', 'of-the-copy'],
        ['first', 'of-the-original'],
      ],
    )
    await copy.must(['restart'])
    assert.ok((await copy.ask(HOST)).text.startsWith(copy.home))
  })

  test('is moved while its agent runs: it says where to move it back, makes nothing where it was, and goes on there', async () => {
    const address = await site.address()
    const moved = new Installation(await newFolder())
    await rename(site.home, moved.home)
    for (const args of [['status'], ['agent', 'start'], ['agent', 'stop', '--everything', '--yes']]) {
      const { code, hint }: ErrorJson = JSON.parse((await moved.run([...args, '--json'], { cwd: moved.folder })).stdout)
      assert.deepEqual([code, hint?.startsWith(`Move it back to ${site.home}, `)], ['REFUSED', true], args.join(' '))
    }
    assert.match((await refusal(site)).message, /^nothing is at \S+, but process \d+ still runs from there/)
    assert.equal((await ask(address, { host: HOST })).status, 200, 'it serves on')
    assert.equal(existsSync(site.home), false)
    await rename(moved.home, site.home)
    await rm(moved.folder, { recursive: true })
    await site.must(['restart'])
  })

  test('is moved while it runs without an agent: it is refused there until it was ended, and goes on where it was', async () => {
    await site.run(['agent', 'stop'])
    const moved = new Installation(await newFolder())
    await rename(site.home, moved.home)
    await mkdir(join(site.home, 'front'), { recursive: true })
    const { code, message, hint } = await refusal(moved)
    assert.equal(code, 'REFUSED')
    assert.ok(message.includes(moved.home) && message.includes(site.home), message)
    assert.match(hint ?? '', /ln -s/)
    await rm(site.home, { recursive: true })
    await rename(moved.home, site.home)
    await rm(moved.folder, { recursive: true })
    await site.run(['agent', 'start'])
    assert.equal((await site.status()).state, 'up')
  })

  test('is moved after it was ended, and scaled: it serves at the new place, as many instances', async () => {
    await site.must(['scale', 'web=2'])
    await site.run(['agent', 'stop', '--everything', '--yes'])
    const before = await notesOf(site)
    const moved = new Installation(await newFolder())
    await rename(site.home, moved.home)
    await rename(site.app, moved.app)
    try {
      await moved.run(['agent', 'start'])
      const status = await moved.until(({ state }) => state === 'up')
      assert.equal(status.services[0]?.group?.instances.length, 2)
      assert.ok((await moved.ask(HOST)).text.startsWith(moved.home))
      assert.deepEqual(await notesOf(moved), before)
    } finally {
      await moved.run(['agent', 'stop', '--everything', '--yes'])
      await rename(moved.home, site.home)
      await rename(moved.app, site.app)
      await rm(moved.folder, { recursive: true })
    }
  })

  test('is reached by a link too: it stays where it is', async () => {
    await site.run(['agent', 'start'])
    await site.run(['agent', 'stop'])
    const link = join(site.folder, 'link')
    await symlink(site.home, link)
    const { code, stderr } = await site.run(['agent', 'start'], { env: { FETTLE_HOME: link } })
    assert.equal(code, 0, stderr)
    const { paths } = JSON.parse(await readFile(join(site.home, 'agent/home.json'), 'utf8'))
    assert.deepEqual(paths, [site.home, link])
    assert.equal((await site.ask(HOST)).status, 200)
  })
})
