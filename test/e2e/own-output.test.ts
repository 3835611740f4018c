/** `fettle deploy >deploy.log`, typed in the folder that is deployed. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

test('a deploy whose output goes to a file in the source is carried out, and that file is no part of the release', async t => {
  const site = await openInstallation(assembleSmall)
  t.after(() => site.close())
  const path = join(site.app, 'deploy.log')
  const log = openSync(path, 'w')
  const child = site.start(['deploy', '--yes'], { output: log })
  const [code] = await once(child, 'close')
  closeSync(log)
  assert.equal(code, 0, readFileSync(path, 'utf8'))
  assert.match(readFileSync(path, 'utf8'), /✓ deploy op1 done/)
  const [release] = (await readdir(site.paths.artifacts('small', 'production'), { withFileTypes: true })).filter(entry =>
    entry.isDirectory(),
  )
  assert.deepEqual((await readdir(join(release?.parentPath ?? '', release?.name ?? ''))).sort(), [
    'fettle.yaml',
    'package.json',
    'server.js',
    'version',
  ])
})
