/** A release that means harm is rehearsed and drilled: it finds nothing real, and what is live does not notice. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { cp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { About } from '../../src/api/views.ts'
import { escape, type Prey } from '../helpers/escape.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'

const REAL = 'the-real-key-of-somebody-outside'

let site: Installation
before(async () => {
  site = await openInstallation(into => cp(join(import.meta.dirname, 'workshop'), into, { recursive: true }))
  await site.edit('fettle.yaml', text =>
    text
      .replace('RELEASE: "${release}" }', 'RELEASE: "${release}", GREETING: "${secrets.TOKEN}" }')
      .replace('release:\n', 'secrets: { TOKEN: { external: true } }\nrelease:\n'),
  )
  assert.equal((await site.run(['secrets', 'set', 'TOKEN'], { stdin: REAL })).code, 0)
  await site.must(['deploy'])
})
after(() => site.close())

const pidsOf = async (): Promise<number[]> =>
  (await site.status()).services.flatMap(({ group }) => group?.instances.map(({ pid }) => pid ?? 0) ?? [])

/** Once live, a migration may do what its user may: it attacks in a sandbox only. */
const migration = (prey: Prey): string => `${escape}
if (process.env.FETTLE_SANDBOX === '1') {
  const own = JSON.stringify(process.env).includes(${JSON.stringify(REAL)}) ? 'the real key' : 'refused'
  const found = { ...(await escape(${JSON.stringify(prey)})), own }
  console.log('tried ' + Object.keys(found).length)
  const brought = Object.entries(found).filter(([, result]) => result !== 'refused')
  if (brought.length > 0) throw new Error(JSON.stringify(brought))
}
`

test('a hostile migration gets nowhere when it is rehearsed, in a deploy that otherwise goes well, nor does its release in a drill', async context => {
  const socket = join(site.folder, 'server.sock')
  const server = createServer().listen(socket)
  context.after(() => server.close())
  const { pid: agent } = await site.look<About>(['agent', 'status'])
  const unseen = ['units/groups', 'backups', 'keys/workshop.key', 'agent/api.sock', 'live/workshop', 'logs', 'front', 'versions']
  const releases = 'apps/workshop/production/releases'
  const prey = {
    home: site.home,
    source: site.app,
    unseen: [...unseen, releases],
    pids: [agent, ...(await pidsOf())],
    sockets: [socket],
    secret: REAL,
  }
  await writeFile(join(site.app, 'attack.mjs'), migration(prey))
  await site.edit('fettle.yaml', text => text.replace('release:\n', 'release:\n  migrate: node attack.mjs\n'))
  const source = readFileSync(join(site.app, 'server.js'), 'utf8')
  const { code, operation, error } = await site.operate(['deploy', '--yes'])
  assert.equal(code, 0, `${error?.message} ${error?.context?.tail}`)
  assert.match((await site.run(['logs', '--operation', operation?.id ?? ''])).stdout, /tried [3-9]\d/)
  assert.equal(readFileSync(join(site.app, 'server.js'), 'utf8'), source)
  await site.must(['drill'])
  assert.ok((await site.status()).services.every(({ group }) => group?.instances.every(({ restarts }) => restarts === 0)))
})
