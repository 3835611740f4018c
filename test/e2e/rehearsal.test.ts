/** What a rehearsal may cost, and what a drill leaves to be seen when the app does not start on the copy. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { SnapshotView } from '../../src/api/views.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall, SMALL_HOST } from '../helpers/small-app.ts'

const MORE = '  migrate: sh migrate.sh\nstores:\n  data: { files: . }\n'

describe('a rehearsal', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => assembleSmall(into, MORE))
    await writeFile(join(site.app, 'migrate.sh'), 'exit 0\n')
    await allow('5m')
    await site.must(['deploy'])
    await setVersion(2)
    await site.must(['deploy'])
  })
  after(() => site.close())

  const allow = (atMost: string): Promise<void> =>
    site.edit('fettle.yaml', text => text.replace(/rehearse: .*/, `rehearse: { mode: on, at-most: ${atMost} }`))
  const setVersion = (version: number): Promise<void> => writeFile(join(site.app, 'version'), `${version}\n`)
  const versionThatServes = async (): Promise<string> => JSON.parse((await site.ask(SMALL_HOST)).text).version

  test('that does not end within at-most, all its steps together, ends the deploy; what serves is untouched', async () => {
    await setVersion(3)
    await allow('4s')
    await writeFile(join(site.app, 'migrate.sh'), 'exec sleep 60\n')
    const { code, error, operation } = await site.operate(['deploy', '--yes'])
    assert.deepEqual([code, operation?.state], [5, 'undone'])
    assert.match(error?.message ?? '', /the rehearsal did not end within 4 s/)
    assert.match(error?.hint ?? '', /at-most/)
    assert.equal(await versionThatServes(), '2')
    await writeFile(join(site.app, 'migrate.sh'), 'exit 0\n')
  })

  test('that can not fit, as the last one measured, is said in the plan and asked for; with --accept-unproven it is left out', async () => {
    await allow('1ms')
    const { code, plan, error } = await site.operate(['deploy'])
    assert.deepEqual([code, error?.code], [5, 'REFUSED'])
    assert.ok(plan.lines.some(({ text, tone }) => tone === 'warn' && /stays unproven: restoring a copy took .* the last time/.test(text)))
    assert.ok(!plan.steps.some(({ id }) => id.startsWith('rehearse')))
    await site.must(['deploy', '--accept-unproven'])
    assert.equal(await versionThatServes(), '3')
  })

  test('in a drill whose app does not start leaves a failed proof with its reason; the next backup needs no new copy for that', async () => {
    await site.edit('fettle.yaml', text =>
      text.replace('env: {', 'env: { DATA: "${stores.data.path}",').replace('within: 20s', 'within: 1s'),
    )
    await writeFile(join(site.app, 'server.js'), FAILS_ON_A_COPY)
    await site.must(['deploy', '--rehearse', 'off'])
    await site.must(['backup'])
    const [newest] = await snapshots()
    const drilled = await site.operate(['drill', newest?.id ?? ''])
    assert.equal(drilled.code, 6, drilled.error?.message)
    const [failed] = await snapshots()
    assert.equal(failed?.rung, 'content-equal')
    assert.match(drilled.error?.message ?? '', /it said: known only to the data/)
    assert.match(failed?.failed ?? '', /^r\d was not ready on it \(op\d+\)$/)
    assert.deepEqual(
      failed?.proofs.map(({ rung, passed }) => [rung, passed]),
      [
        ['content-equal', true],
        ['booted', false],
      ],
    )
    const shown = await site.run(['snapshots'])
    assert.match(shown.stdout, /failed: .*was not ready/)
    await site.must(['backup'])
    assert.deepEqual(
      (await snapshots())[0]?.stores.map(({ reused }) => reused),
      [true],
    )
  })

  const snapshots = async (): Promise<SnapshotView[]> => (await site.look<{ snapshots: SnapshotView[] }>(['snapshots'])).snapshots
})

const FAILS_ON_A_COPY = `
import { createServer } from 'node:http'
import { networkInterfaces } from 'node:os'
if (process.env.DATA?.includes('/scratch/')) {
  console.error('known only to the data')
  process.exit(3)
}
createServer((request, response) => response.end('{"version":"4"}')).listen(process.env.PORT, '127.0.0.1')
process.on('SIGTERM', () => process.exit())
`
