/** What is piped into `fettle run` reaches the command as it comes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

describe('what is piped into fettle run', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(assembleSmall)
    await site.must(['deploy'])
  })
  after(() => site.close())

  test('is all that the command reads, to its end, whatever its size', async () => {
    const stdin = `${'0123456789abcdef'.repeat(20_000)}\n`
    const { code, stdout, stderr } = await site.run(['run', 'wc', '-c'], { stdin })
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim(), String(stdin.length))
  })

  test('is answered while it goes on', async () => {
    const child = site.start(['run', 'sh', '-c', 'while read -r line; do echo "heard $line"; done'])
    assert.ok(child.stdin && child.stdout)
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    for (const word of ['one', 'two']) {
      child.stdin.write(`${word}\n`)
      assert.equal((await answers.next()).value, `heard ${word}`)
    }
    child.stdin.end()
    assert.deepEqual(await once(child, 'close'), [0, null])
  })

  test('need not be read: the command ends when it ends, and nothing is left', async () => {
    const child = site.start(['run', 'echo', 'done'], { env: { TMPDIR: site.folder } })
    const [code] = await once(child, 'close')
    child.stdin?.destroy()
    assert.equal(code, 0)
    assert.deepEqual(
      readdirSync(site.folder).filter(name => name.startsWith('fettle-pipes-')),
      [],
    )
  })
})
