import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/helpers/temporary.ts'
import { createClient } from './client.ts'

test('an agent that ends while it is asked is told from one that is not there', async context => {
  const path = join(temporaryFolder(), 'api.sock')
  await assert.rejects(createClient(path).call('about', {}), { code: 'AGENT_UNREACHABLE', message: /^no agent answers on / })
  const server = createServer(socket => socket.once('data', () => socket.destroy())).listen(path)
  context.after(() => server.close())
  await once(server, 'listening')
  await assert.rejects(createClient(path).call('about', {}), { code: 'AGENT_UNREACHABLE', hint: /whether anything was begun/ })
})
