import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'
import { readSettings, rememberSettings } from './settings.ts'

async function home(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const paths = layout(folder)
  await mkdir(paths.agent)
  return paths
}

test('what the environment says counts, and is there at the next start only when it was remembered', async t => {
  const paths = await home(t)
  const first = await readSettings(paths, { FETTLE_HTTP: '127.0.0.1:81' })
  assert.equal(first.http.port, 81)
  assert.equal((await readSettings(paths, {})).http.port, 8080)
  await rememberSettings(paths, first)
  assert.equal((await readSettings(paths, {})).http.port, 81)
  assert.equal((await readSettings(paths, { FETTLE_HTTP: '127.0.0.1:82' })).http.port, 82)
})

test('an address that is none is refused by the name of its setting, and says what is allowed', async t => {
  const paths = await home(t)
  for (const [value, words] of [
    ['127.0.0.1:99999', /^FETTLE_HTTP=127\.0\.0\.1:99999: there is no port 99999\nPorts go from 1 to 65535/],
    ['8080', /^FETTLE_HTTP=8080 is no address\nWrite it as/],
  ] as const)
    await assert.rejects(readSettings(paths, { FETTLE_HTTP: value }), (error: FettleError) => {
      assert.equal(error.code, 'USAGE')
      assert.match(`${error.message}\n${error.hint}`, words)
      return true
    })
})

test('proxies in front are those of this machine, unless others are named, or none', async t => {
  const paths = await home(t)
  const cases: [string | undefined, string[]][] = [
    [undefined, ['127.0.0.0/8', '::1']],
    ['none', []],
    ['loopback, 10.0.0.0/8 fd00::1', ['127.0.0.0/8', '::1', '10.0.0.0/8', 'fd00::1']],
  ]
  for (const [FETTLE_TRUSTED_PROXIES, expected] of cases) {
    const settings = await readSettings(paths, { FETTLE_TRUSTED_PROXIES })
    assert.deepEqual(settings.trust, expected)
  }
  for (const FETTLE_TRUSTED_PROXIES of ['proxy.example', '10.0.0.0/33', '10.0.0.0/-1', '']) {
    await assert.rejects(readSettings(paths, { FETTLE_TRUSTED_PROXIES }), { code: 'USAGE' }, FETTLE_TRUSTED_PROXIES)
  }
})
