/** What a release said is still to be read when another run of it, or another release, has taken its place. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import type { LogLine } from '../../src/ports/runtime.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

describe('`fettle logs` after a restart and a deploy', () => {
  let site: Installation
  const says = (version: number) => (text: string) =>
    text.replace(/^(console\.log.*\n)?/, `console.log('version ${version} begins\\n' + 'x\\n'.repeat(9) + 'version ${version} is ready')\n`)

  before(async () => {
    site = await openInstallation(assembleSmall)
    await site.edit('server.js', says(1))
    await site.must(['deploy'])
  })
  after(() => site.close())

  const linesOf = async (...args: string[]): Promise<LogLine[]> => {
    const { stdout } = await site.run(['logs', '--json', ...args])
    return stdout
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line))
  }

  test('shows the lines from before, the last of all runs together, those since, and says whose they are', async () => {
    const follower = site.start(['logs', '-f', '--json'])
    assert.ok(follower.stdout)
    const followed: LogLine[] = []
    const third = new Promise<void>(resolve => {
      createInterface(follower.stdout ?? process.stdin).on('line', line => {
        followed.push(JSON.parse(line))
        if (followed.filter(({ text }) => text.endsWith('is ready')).length === 3) resolve()
      })
    })
    await site.must(['restart'])
    await site.edit('server.js', says(2))
    await site.must(['deploy'])
    await third
    follower.kill('SIGINT')
    await once(follower, 'exit')

    const all = await linesOf('--since', '1h', '-n', '100000')
    const begins = all.filter(({ text }) => text.endsWith('begins'))
    assert.deepEqual(
      begins.map(({ text, labels }) => [text, labels.release]),
      [
        ['version 1 begins', 'r1'],
        ['version 1 begins', 'r1'],
        ['version 2 begins', 'r2'],
      ],
    )
    assert.equal(all.length, 33)
    assert.deepEqual(
      followed.filter(({ labels }) => labels.service !== undefined).map(({ unit, text }) => [unit, text]),
      all.map(({ unit, text }) => [unit, text]),
      'and so did they come to who followed',
    )
    const last = await linesOf('-n', '13', '--service', 'web')
    assert.deepEqual(
      last.map(({ text }) => text),
      all.slice(-13).map(({ text }) => text),
    )
    assert.equal((await linesOf('--since', '100d', '-n', '30')).length, 30)
    const { stdout } = await site.run(['logs', '-n', '100'])
    assert.match(
      stdout,
      /web\.0 r1 +│ version 1 begins\n[\s\S]*web\.0 r1-op\d+ +│ version 1 begins\n[\s\S]*web\.0 r2 +│ version 2 is ready\n$/,
    )
  })
})
