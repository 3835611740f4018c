/** What a migration did to the live data can not be taken back: the end of its deploy says so, and a hanging one can be ended. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { OperationRecord } from '../../src/core/plan.ts'
import { readIfExists } from '../../src/lib/files.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall, SMALL_HOST } from '../helpers/small-app.ts'

const MORE = `  migrate: sh migrate.sh
  env: { DATA: "\${stores.data.path}" }
  test: [{ http: / }]
stores:
  data: { files: . }
`

describe('a migration of live data', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(async into => {
      await assembleSmall(into, MORE)
      await writeFile(join(into, 'migrate.sh'), 'echo 1 >"$DATA/level"\n')
    })
    await site.must(['deploy'])
  })
  after(() => site.close())

  const level = async (): Promise<string | undefined> => {
    const { stores } = await site.status()
    return readIfExists(join(stores[0]?.path ?? '', 'level'))
  }
  const noteOf = ({ steps }: OperationRecord): string | undefined => steps.find(({ id }) => id === 'migrate')?.note

  test('stays done when the release then does not start, and the end of the deploy says so', async () => {
    await writeFile(join(site.app, 'migrate.sh'), 'echo 2 >"$DATA/level"\n')
    const server = await readFile(join(site.app, 'server.js'), 'utf8')
    await writeFile(join(site.app, 'server.js'), `console.log('no such room')\nprocess.exit(3)\n`)
    await site.edit('fettle.yaml', text => text.replace('20s', '5s'))
    const { code, stdout, stderr } = await site.run(['deploy', '--yes'])
    await writeFile(join(site.app, 'server.js'), server)
    assert.equal(code, 6, stderr)
    assert.equal(await level(), '2\n')
    const words = 'the data stays migrated; r1 passed its tests on it'
    assert.match(stderr, new RegExp(`what it had done is undone, but for this:.*\\n {2}${words}`))
    assert.match(stdout, new RegExp(`↩ migrate the live data: ${words}`))
    assert.doesNotMatch(stdout, /undone: migrate|undoing: /)
    const shown = await site.run(['operations', 'show', 'op2'])
    assert.match(shown.stdout, new RegExp(`migrate +undone +\\S+ \\S+ +migrate the live data: ${words}`))
    assert.equal((await site.ask(SMALL_HOST)).status, 200)
    assert.equal(stderr.match(/no such room/g)?.length, 1, stderr)
    assert.match(stderr, /→ `fettle logs --operation op2` shows all it printed\./)
    const { stdout: said } = await site.run(['logs', '--operation', 'op2'])
    assert.match(said, /web\.0 \S+ +│ no such room/)
  })

  test('that hangs is waited for by a cancel, which says so, and is broken off by --now', async () => {
    await writeFile(join(site.app, 'migrate.sh'), 'echo 3 >"$DATA/level"\nexec sleep 3600\n')
    const { operation } = await site.must(['deploy', '--detach'])
    while ((await level()) !== '3\n') await delay(20)
    const waiting = await site.run(['operations', 'cancel', operation.id, '--detach'])
    assert.equal(waiting.code, 0, waiting.stderr)
    assert.match(
      waiting.stdout,
      new RegExp(`migrate the live data: .*its end is waited for; \`fettle operations cancel ${operation.id} --now\``),
    )
    assert.equal((await site.operation(operation.id)).state, 'running')
    const ended = await site.operate(['operations', 'cancel', operation.id, '--now'])
    assert.equal(ended.operation?.state, 'undone', ended.stderr)
    assert.equal(noteOf(ended.operation), 'what the migration had written by then stays in the data; r1 passed its tests on it')
    assert.equal((await site.ask(SMALL_HOST)).status, 200)
  })
})
