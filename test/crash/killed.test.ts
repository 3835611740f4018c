import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signalProcess } from '../../src/drivers/runtimes/process/unit-stop.ts'
import { processesOf } from './leftovers.ts'
import { assertSound, eventually, openSite } from './scenario.ts'

const site = await openSite()

/** Kills what runs this script, and waits for as many others in their place. */
async function kill(script: string, { all = false } = {}): Promise<void> {
  const find = () => processesOf(site.home).filter(({ command }) => command.some(word => word.endsWith(script)))
  const running = find().map(({ pid }) => pid)
  const doomed = all ? running : running.slice(0, 1)
  assert.notEqual(doomed.length, 0)
  for (const pid of doomed) signalProcess(pid, 'SIGKILL')
  await eventually(() => {
    const now = find().map(({ pid }) => pid)
    return now.length === running.length && doomed.every(pid => !now.includes(pid)) ? [] : [`${script} runs as ${now.join(', ')}`]
  })
}

/** A request that was with the killed process when it died got no answer; its client had no acknowledgement either. */
function forgive(): void {
  const failures = site.load.takeFailures()
  const inFlight = failures.filter(failure => / failed: (socket hang up|read ECONNRESET)|was answered with 502 /.test(failure))
  assert.deepEqual(failures, inFlight)
  assert.ok(inFlight.length <= 3, inFlight.join('\n'))
}

test('an instance that is killed comes back; others serve meanwhile', async () => {
  await kill('server.js')
  forgive()
  await assertSound(site)
})

test('when all instances are killed at once, requests wait for them', async () => {
  await kill('server.js', { all: true })
  forgive()
  await assertSound(site)
})

test('a singleton that is killed comes back, and is never there twice', async () => {
  await kill('beat.js')
  await assertSound(site)
})

test('when the front is killed, it comes back and serves what it served', async () => {
  await kill('front.js')
  forgive()
  await assertSound(site)
})
