/** An operation that can be neither finished nor undone is held: it says why, keeps its place, and goes on once its cause is mended. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall, SMALL_HOST } from '../helpers/small-app.ts'

const MORE = `  migrate: sh migrate.sh
  test: [{ http: /, contains: version }]
stores:
  data: { files: . }
`
/** Spoils the data for the release that serves, and does not finish before it may. */
const SPOILS = 'echo x >"$DATA/spoilt"\n[ -e "$DATA/may" ]\n'
const NEEDS_DATA = `
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
const version = readFileSync(new URL('version', import.meta.url), 'utf8').trim()
createServer((request, response) => {
  const isSpoilt = version === '1' && existsSync(process.env.DATA + '/spoilt')
  response.writeHead(isSpoilt ? 500 : 200).end(JSON.stringify({ version }))
}).listen(process.env.PORT, '127.0.0.1')
process.on('SIGTERM', () => process.exit())
`

describe('a deploy whose migration fails halfway, on data that the old release can not use then', () => {
  let site: Installation
  let id = ''
  before(async () => {
    site = await openInstallation(into => assembleSmall(into, MORE))
    await site.edit('fettle.yaml', text => text.replace('env: {', 'env: { DATA: "${stores.data.path}",').replace('http: /,', 'tcp: true,'))
    await writeFile(join(site.app, 'server.js'), NEEDS_DATA)
    await writeFile(join(site.app, 'migrate.sh'), 'exit 0\n')
    await site.must(['deploy'])
    await writeFile(join(site.app, 'migrate.sh'), SPOILS)
    await writeFile(join(site.app, 'version'), '2\n')
  })
  after(() => site.close())

  const data = async (name: string): Promise<string> => join((await site.status()).stores[0]?.path ?? '', name)
  const served = async () => {
    const { status, text } = await site.ask(SMALL_HOST)
    return [status, (JSON.parse(text) as { version: string }).version]
  }

  test('is held, with exit code 11, the reason and the next command; what serves is left as it is', async () => {
    const { code, operation, stderr } = await site.operate(['deploy', '--yes'])
    id = operation?.id ?? ''
    assert.deepEqual([code, operation?.state, operation?.crossedPivot], [11, 'held', false], stderr)
    assert.deepEqual(await served(), [500, '1'])
    const { stdout } = await site.run(['operations', 'show', id])
    assert.match(stdout, /migration of the live data/)
    assert.match((await site.run(['status'])).stdout, new RegExp(`${id}.*held`))
  })

  test('keeps its place: nothing else changes the environment meanwhile, and is told how to go on', async () => {
    const { code, error } = await site.operate(['restart', '--yes'])
    assert.deepEqual([code, error?.code], [4, 'BUSY'])
    const cancelled = await site.run(['operations', 'cancel', id])
    assert.equal(cancelled.code, 4)
    assert.ok(cancelled.stderr.includes(`fettle operations resume ${id} --back`), cancelled.stderr)
    assert.match(error?.hint ?? '', new RegExp(`fettle operations resume ${id}`))
  })

  test('is held again when it is resumed and nothing was mended, also by another agent; what serves serves on, also after all was ended', async () => {
    await site.run(['agent', 'stop', '--everything', '--yes'])
    await site.run(['agent', 'start'])
    await site.until(({ state }) => state === 'up')
    assert.deepEqual(await served(), [500, '1'])
    const { code, operation } = await site.operate(['operations', 'resume', id])
    assert.deepEqual([code, operation?.state], [11, 'held'])
  })

  test('is finished by resume once the cause is mended', async () => {
    await writeFile(await data('may'), '')
    const { code, operation, stderr } = await site.operate(['operations', 'resume', id])
    assert.deepEqual([code, operation?.id, operation?.state, operation?.error], [0, id, 'done', undefined], stderr)
    assert.deepEqual(await served(), [200, '2'])
    await site.must(['restart'])
  })

  test('or is undone by resume --back, and what served serves on', async () => {
    await rm(await data('spoilt'))
    await rm(await data('may'))
    await site.must(['rollback', 'production', 'r1'])
    await writeFile(join(site.app, 'fresh'), '')
    const held = await site.operate(['deploy', '--yes'])
    assert.equal(held.operation?.state, 'held', held.stderr)
    await rm(await data('spoilt'))
    const { code, operation } = await site.operate(['operations', 'resume', held.operation?.id ?? '', '--back'])
    assert.equal(operation?.state, 'undone')
    assert.notEqual(code, 0)
    assert.deepEqual(await served(), [200, '1'])
    await site.must(['restart'])
  })
})
