/** The agent answers what the description of its API says, nothing less and nothing more. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { answers } from '../../src/api/answer-schemas.ts'
import { createClient } from '../../src/api/client.ts'
import type { EndpointName } from '../../src/api/endpoints.ts'
import { ErrorView } from '../../src/api/operation-schemas.ts'
import { FettleError } from '../../src/core/errors.ts'
import { assembleGuestbook } from '../helpers/guestbook.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'

let site: Installation
let operation: string
const target = { app: 'guestbook', environment: 'production' }

before(async () => {
  site = await openInstallation(into => assembleGuestbook('v1', into))
  operation = (await site.must(['deploy'])).operation.id
  const entry = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ author: 'Ada', text: 'hello' }) }
  assert.equal((await site.ask('guestbook.localhost', '/entries', entry)).status, 201)
  await site.must(['backup'])
  await site.must(['drill'])
})
after(() => site.close())

/** A schema drops what it does not know: what is dropped was not described. */
function assertDescribed(name: EndpointName, answer: unknown): void {
  const parsed = answers[name].safeParse(answer)
  assert.ok(parsed.success, `${name}: ${parsed.error?.message}`)
  assert.deepEqual(parsed.data, answer, name)
}

test('what is asked for once is answered as described', async () => {
  const client = createClient(site.paths.socket)
  const file = `${site.app}/fettle.yaml`
  assertDescribed('about', await client.call('about', {}))
  const status = await client.call('status', target)
  assert.ok(status.environments[0]?.services[0]?.group?.instances[0])
  assertDescribed('status', status)
  assertDescribed('plan', await client.call('plan', { request: { kind: 'deploy', file } }))
  assertDescribed('operations', await client.call('operations', {}))
  assertDescribed('operation', await client.call('operation', { id: operation }))
  assertDescribed('releases', await client.call('releases', target))
  const held = await client.call('snapshots', target)
  assert.ok((held.snapshots[0]?.proofs.length ?? 0) > 0)
  assertDescribed('snapshots', held)
  assertDescribed('setSecret', await client.call('setSecret', { file, name: 'TOKEN', value: 'a long secret' }))
  assertDescribed('secrets', await client.call('secrets', { file }))
  assertDescribed('removeSecret', await client.call('removeSecret', { file, name: 'TOKEN' }))
  assertDescribed('doctor', await client.call('doctor', {}))
})

test('each line of a stream is as described', async () => {
  const client = createClient(site.paths.socket)
  const seen = { events: 0, logs: 0, mask: 0 }
  for await (const event of client.stream('events', { id: operation })) {
    seen.events += 1
    assertDescribed('events', event)
  }
  for await (const line of client.stream('logs', target)) {
    seen.logs += 1
    assertDescribed('logs', line)
  }
  for await (const piece of client.stream(
    'mask',
    { id: operation },
    undefined,
    Readable.from([Buffer.from('some'), Buffer.from(' bytes')]),
  )) {
    seen.mask += piece.taken
    assertDescribed('mask', piece)
  }
  assert.ok(seen.events > 0 && seen.logs > 0 && seen.mask === 'some bytes'.length)
})

test('an error is as described', async () => {
  const client = createClient(site.paths.socket)
  const error = await client.call('operation', { id: 'op999' }).catch(thrown => thrown)
  assert.ok(error instanceof FettleError)
  assert.deepEqual(ErrorView.parse(error.toJSON()), error.toJSON())
})

test('the description is served beside what it describes', async () => {
  const asked = request({ socketPath: site.paths.socket, path: '/openapi.json' }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const { openapi } = (await json(response)) as { openapi: string }
  assert.equal(openapi, '3.1.0')
})
