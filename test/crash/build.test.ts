import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { signalProcess } from '../../src/drivers/runtimes/process/unit-stop.ts'
import { processesOf } from './leftovers.ts'
import { assertSound, eventually, openSite } from './scenario.ts'

const building = (): string[] => (processesOf(site.home).some(({ command }) => command.includes('86400')) ? [] : ['the build does not run'])

const site = await openSite()

test('a build that never ends is ended after its time, with all that it started', async () => {
  Object.assign(site.spec, { build: 'setsid sleep 86400 & sleep 86400', buildWithin: '1s' })
  await site.nextSource()
  const { id } = await site.client.call('start', { request: { kind: 'deploy', file: site.file } })
  await site.settled()
  const { state, error } = await site.client.call('operation', { id })
  assert.deepEqual([state, error?.code], ['undone', 'COMMAND_FAILED'])
  assert.match(error?.message ?? '', /did not end within 1 s/)
  await assertSound(site)
})

test('a build that never ends is ended by a cancel, with all that it started', async () => {
  site.spec.buildWithin = '1h'
  await site.nextSource()
  const { id } = await site.client.call('start', { request: { kind: 'deploy', file: site.file } })
  await eventually(building)
  await site.client.call('cancel', { id })
  await site.settled()
  const ended = await site.client.call('operation', { id })
  assert.deepEqual([ended.state, ended.error?.code], ['undone', 'CANCELLED'])
  await assertSound(site)
})

test('a cancel that the agent did not live to carry out is carried out by the next', async () => {
  const { id } = await site.client.call('start', { request: { kind: 'deploy', file: site.file } })
  await eventually(building)
  await site.arm('deploy/build:undo')
  await site.client.call('cancel', { id }).catch(() => {})
  await site.agentDied()
  await site.arm('')
  await site.startAgent()
  await site.settled()
  assert.equal((await site.client.call('operation', { id })).state, 'undone')
  await assertSound(site)
})

test('an agent that is stopped and upgraded in the middle of a build leaves it running, and the next one goes on with it', async () => {
  const gate = join(site.folder, 'go')
  site.spec.build = `echo begun >>${gate}.log; until [ -e ${gate} ]; do sleep 0.05; done; cp version.json built.json`
  site.load.declared.add(await site.nextSource())
  const { id } = await site.client.call('start', { request: { kind: 'deploy', file: site.file } })
  await eventually(() => (processesOf(site.home).some(({ command }) => command.includes('0.05')) ? [] : ['the build does not run']))
  await site.stopAgent('SIGTERM')
  await site.startAgent(await site.otherVersion('99.0.0'))
  assert.equal((await site.client.call('about', {})).version, '99.0.0')
  await writeFile(gate, '')
  await site.settled()
  assert.equal((await site.client.call('operation', { id })).state, 'done')
  await site.refresh()
  await assertSound(site)
})

/** Stops the data worker where it is, as soon as it is there. */
async function frozenWorker(): Promise<number> {
  for (;;) {
    const worker = processesOf(site.home).find(({ command }) => command[0] === process.execPath && command[1]?.endsWith('worker.js'))
    if (worker !== undefined) {
      signalProcess(worker.pid, 'SIGSTOP')
      return worker.pid
    }
    await delay(1)
  }
}

test('an agent that is stopped in the middle of a dump leaves it running, and the next one takes its result', async () => {
  const [worker, { id }] = await Promise.all([frozenWorker(), site.client.call('start', { request: { kind: 'backup', file: site.file } })])
  await site.stopAgent('SIGTERM')
  await site.startAgent()
  signalProcess(worker, 'SIGCONT')
  await site.settled()
  assert.equal((await site.client.call('operation', { id })).state, 'done')
  await assertSound(site)
})
