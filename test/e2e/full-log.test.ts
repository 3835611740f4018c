import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { copyBundle } from '../crash/bundle.ts'
import { openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

test('an agent whose log has no room serves all the same, and ends as it is asked to', { timeout: 60_000 }, async context => {
  const site = await openInstallation(assembleSmall)
  context.after(() => site.close())
  const program = join(await copyBundle(join(site.folder, 'bundle')), 'agent.js')
  const agent = spawn(process.execPath, [program, '--home', site.home], { stdio: ['ignore', 'ignore', openSync('/dev/full', 'w')] })
  const ended = once(agent, 'exit')
  const isThere = async () => (await site.run(['agent', 'status'])).code === 0
  while (agent.exitCode === null && !(await isThere()));
  await site.must(['deploy'])
  await site.run(['agent', 'stop', '--everything', '--yes'])
  assert.deepEqual(await ended, [0, null])
})
