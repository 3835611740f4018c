/** Port 8080 is a popular one: who has it, and where to go instead. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { ask } from '../helpers/http.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall, SMALL_HOST } from '../helpers/small-app.ts'

describe('the port of the front', () => {
  const thief = createServer()
  let site: Installation
  let taken = 0
  before(async () => {
    site = await openInstallation(assembleSmall)
    await once(thief.listen(0, '127.0.0.1'), 'listening')
    taken = (thief.address() as AddressInfo).port
    const settings = JSON.parse(await readFile(site.paths.settings, 'utf8'))
    await writeFile(site.paths.settings, JSON.stringify({ ...settings, http: { host: '127.0.0.1', port: taken } }))
  })
  after(async () => {
    thief.close()
    await site.close()
  })

  test('is held by another process: it is named, with its pid, and how to choose another one; nothing is left running', async () => {
    const { code, error, stderr } = await site.operate(['up'])
    assert.equal(code, 8, stderr)
    assert.equal(error?.code, 'PORT_IN_USE')
    assert.match(error?.message ?? '', new RegExp(`127\\.0\\.0\\.1:${taken}: node\\b.* \\(pid ${process.pid}\\) listens there$`))
    assert.match(error?.hint ?? '', /`FETTLE_HTTP=127\.0\.0\.1:\d+ fettle agent start`/)
  })

  test('is chosen as the hint says, and remembered', async () => {
    const { error } = await site.operate(['up'])
    const [, address = ''] = /FETTLE_HTTP=(\S+)/.exec(error?.hint ?? '') ?? []
    const started = await site.run(['agent', 'start'], { env: { FETTLE_HTTP: address } })
    assert.equal(started.code, 0, started.stderr)
    await site.must(['up'])
    assert.equal(await site.address(), `http://${address}`)
    await site.run(['agent', 'stop', '--everything', '--yes'])
    await site.run(['agent', 'start'])
    assert.equal(await site.address(), `http://${address}`)
    assert.equal((await site.ask(SMALL_HOST)).status, 200)
  })

  test('that can not be had is refused while the front serves on at the old one, and is not remembered', async () => {
    const address = await site.address()
    await site.run(['agent', 'stop'])
    const env = { FETTLE_HTTP: `127.0.0.1:${taken}` }
    const refused = await site.run(['agent', 'start'], { env })
    assert.equal(refused.code, 8, refused.stderr)
    assert.match(refused.stderr, new RegExp(`can not listen on ${env.FETTLE_HTTP}: .*FETTLE_HTTP=`, 's'))
    const doctor = await site.run(['doctor'], { env })
    assert.match(doctor.stdout, /✗ agent .*listens there\n +→ .*FETTLE_HTTP=/)
    assert.equal(doctor.stdout.match(/listens there/g)?.length, 1)
    assert.equal((await ask(address, { host: SMALL_HOST, path: '/' })).status, 200)
    assert.equal((await site.run(['agent', 'start'])).code, 0)
    assert.equal(await site.address(), address)
  })
})
