/** A release that does not start in its rehearsal: what it printed there is found by the command that the error names. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { LogLine } from '../../src/ports/runtime.ts'
import { openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

test('a release that dies in its rehearsal: `fettle logs --operation` shows what it printed there', async t => {
  const site = await openInstallation(async into => {
    await assembleSmall(into)
    await writeFile(join(into, 'server.js'), `console.log('no such room')\nprocess.exit(3)\n`)
  })
  t.after(() => site.close())
  await site.edit('fettle.yaml', text => text.replace('rehearse: off', 'rehearse: on').replace('20s', '2s'))
  const { error, operation } = await site.operate(['deploy', '--yes'])
  assert.ok(
    operation?.steps.some(({ id, error }) => id === 'rehearse-boot' && error !== undefined),
    error?.message,
  )
  assert.equal(error?.hint, `\`fettle logs --operation ${operation?.id}\` shows all it printed.`)
  const { stdout } = await site.run(['logs', '--operation', operation?.id ?? ''])
  assert.match(stdout, /web\.0 \S+-rehearse-boot +│ no such room/)
  const lines = (await site.run(['logs', '--operation', operation?.id ?? '', '--json'])).stdout.trimEnd().split('\n')
  const early = lines.filter(line => (JSON.parse(line) as LogLine).at < (operation?.createdAt ?? 0))
  assert.deepEqual(early, [], 'each has the time when it was printed')
})
