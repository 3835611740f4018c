/** Groups that were not started whole: whoever removes them, or comes after, must miss none of their instances. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { group, never, nodeScript, openRuntime, processesOf } from '../../../../test/helpers/process-runtime.ts'

const endless = nodeScript('setInterval(() => {}, 1000)')

test('a group that runs out of ports is removed whole, with the instances that were being started when the next got none', async context => {
  const { runtime, home } = await openRuntime(context, { ports: { from: 20_940, to: 20_943 } })
  await assert.rejects(runtime.apply(group({ instances: 9, argv: endless }), never), { code: 'PORT_IN_USE' })
  await runtime.remove('web', never)
  assert.deepEqual(processesOf(home), [])
  await runtime.apply(group({ instances: 4, argv: endless }), never)
})

test('a group whose own file is gone is found by the next agent, and removed like any other', async context => {
  const place = await openRuntime(context)
  await place.runtime.apply(group({ instances: 2, argv: endless }), never)
  rmSync(join(place.home, 'units/groups/web/group.json'))
  const runtime = await place.reopen()
  const [found] = await runtime.groups({ app: 'shop', environment: 'test' })
  assert.deepEqual([found?.name, found?.wanted, found?.instances.length], ['web', 2, 2])
  await runtime.remove('web', never)
  assert.deepEqual(processesOf(place.home), [])
})

test('the folder of a command that was never begun is removed by the next agent', async context => {
  const place = await openRuntime(context)
  const folder = join(place.home, 'units/commands')
  mkdirSync(join(folder, 'op7-load'), { recursive: true })
  await place.reopen()
  assert.deepEqual(readdirSync(folder), [])
})
