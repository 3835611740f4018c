/** More instances than there are ports: what was begun is taken back whole. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { processesOf } from '../helpers/process-runtime.ts'
import { assembleSmall, SMALL_HOST } from '../helpers/small-app.ts'

describe('a home with four ports', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(assembleSmall)
    const settings = JSON.parse(await readFile(site.paths.settings, 'utf8'))
    await writeFile(site.paths.settings, JSON.stringify({ ...settings, ports: { from: settings.ports.from, to: settings.ports.from + 3 } }))
    await site.must(['deploy'])
  })
  after(() => site.close())

  test('is asked for nine instances: refused, and nothing that was started for them is left', async () => {
    const before = processesOf(join(site.paths.units, 'groups')).sort()
    const { error, operation } = await site.operate(['scale', 'web=9', '--yes'])
    assert.deepEqual([error?.code, operation?.state], ['PORT_IN_USE', 'undone'])
    assert.deepEqual(processesOf(join(site.paths.units, 'groups')).sort(), before)
    assert.equal((await site.ask(SMALL_HOST)).status, 200)
  })
})
