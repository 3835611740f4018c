import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startedFrom } from '../../src/lib/started-from.ts'
import { openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

test('everything ends also where the agent ended before', async context => {
  const site = await openInstallation(assembleSmall)
  context.after(() => site.close())
  await site.must(['deploy'])
  assert.equal((await site.run(['agent', 'stop'])).code, 0)
  assert.ok(startedFrom(site.home) !== undefined, 'services and the front go on')
  const ended = await site.run(['agent', 'stop', '--everything', '--yes'])
  assert.equal(ended.code, 0, ended.stderr)
  assert.equal(startedFrom(site.home), undefined)
  assert.equal((await site.run(['agent', 'stop', '--everything', '--yes'])).code, 14, 'where nothing runs none is started')
})

test('what follows in another terminal does not start again what was ended', { timeout: 60_000 }, async context => {
  const site = await openInstallation(assembleSmall)
  context.after(() => site.close())
  await site.must(['deploy'])
  const follower = site.run(['logs', '--follow', '--lines', '1'])
  const ended = await site.run(['agent', 'stop', '--everything', '--yes'])
  assert.equal(ended.code, 0, ended.stderr)
  const { code, stderr } = await follower
  assert.equal(code, 14)
  assert.match(stderr, /ended by `fettle agent stop`|no agent runs/)
  assert.equal(startedFrom(site.home), undefined)
  await site.must(['restart'])
})
