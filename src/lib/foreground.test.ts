import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { runInForeground } from './foreground.ts'

const node = (source: string, signals = new EventEmitter()) =>
  runInForeground([process.execPath, '-e', source], { env: process.env, signals })

test('its exit status is the answer, and after a signal what a shell would say', async () => {
  assert.equal(await node('process.exit(7)'), 7)
  assert.equal(await node("process.kill(process.pid, 'SIGTERM')"), 143)
})

test('SIGTERM is passed on, and nobody listens any more when it ended', async () => {
  const signals = new EventEmitter()
  const ended = node('setInterval(() => {}, 1e6)', signals)
  signals.emit('SIGTERM', 'SIGTERM')
  assert.equal(await ended, 143)
  assert.deepEqual(signals.eventNames(), [])
})

test('a program that does not exist is an error', async () => {
  await assert.rejects(runInForeground(['/nonexistent'], { env: {}, signals: new EventEmitter() }), { code: 'ENOENT' })
})
