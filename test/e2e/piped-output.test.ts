/** What a command prints comes out of fettle run as it was written. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import type { About } from '../../src/api/views.ts'
import type { OperationRecord } from '../../src/core/plan.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('what a command of fettle run prints', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(assembleSmall)
    await site.must(['deploy'])
  })
  after(() => site.close())

  test('comes byte by byte, whatever it is and however it ends, standard error apart', async () => {
    const bytes = randomBytes(3_000_001)
    const path = join(site.folder, 'bytes')
    writeFileSync(path, bytes)
    for (const code of [0, 3]) {
      const child = site.start(['exec', '--', 'sh', '-c', 'printf "\\377 apart" >&2; cat "$1"; exit "$2"', 'sh', path, String(code)])
      child.stdin?.end()
      assert.ok(child.stdout && child.stderr)
      const [stdout, stderr, [ended]] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, 'close')])
      assert.equal(digest(stdout), digest(bytes))
      assert.deepEqual(stderr.subarray(0, 7), Buffer.from('\xff apart', 'latin1'))
      assert.equal(stderr.length > 7, code !== 0, 'of its end fettle tells there')
      assert.equal(ended, code)
    }
  })

  test('has its order where both go to the same file, and no line is added', async () => {
    const path = join(site.folder, 'both')
    const file = openSync(path, 'w')
    const child = site.start(['run', 'sh', '-c', 'for n in 1 2 3; do printf "out$n "; printf "err$n " >&2; done'], { output: file })
    child.stdin?.end()
    assert.deepEqual(await once(child, 'close'), [0, null])
    closeSync(file)
    assert.equal(readFileSync(path, 'utf8'), 'out1 err1 out2 err2 out3 err3 ')
  })

  test('is there to be read later where it went to standard error; what went to standard output alone is not kept', async () => {
    await site.run(['run', 'sh', '-c', 'echo data; echo remark >&2'])
    const [last] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
    const { stdout } = await site.run(['logs', '--operation', last?.id ?? ''])
    assert.match(stdout, /remark/)
    assert.doesNotMatch(stdout, /data/)
  })

  test('is all kept where nobody waits for it', async () => {
    assert.equal((await site.run(['run', '--detach', 'sh', '-c', 'echo data; echo remark >&2'])).code, 0)
    const [last] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
    const id = last?.id ?? ''
    assert.equal((await site.run(['operations', 'follow', id])).stdout, 'data\nremark\n')
  })

  test('stops nobody: a command whose reader was killed goes on to its end', async () => {
    const [started, mark] = [join(site.folder, 'started'), join(site.folder, 'mark')]
    const loop = `head -c 100000 /dev/zero; mkfifo "$1"; read -r _ <"$1"; head -c 1000000 /dev/zero; echo whole >"$2"`
    const child = site.start(['run', 'sh', '-c', loop, 'sh', started, mark])
    child.stdin?.end()
    assert.ok(child.stdout)
    for (let seen = 0; seen < 100_000; ) seen += (await once(child.stdout, 'data').then(([chunk]) => chunk as Buffer)).length
    child.kill('SIGKILL')
    await once(child, 'close')
    const [last] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
    assert.equal(last?.state, 'running')
    const goOn = site.start(['run', 'sh', '-c', 'echo >"$1"', 'sh', started])
    goOn.stdin?.end()
    await once(goOn, 'close')
    await site.run(['operations', 'follow', last?.id ?? ''])
    assert.equal((await site.operation(last?.id ?? '')).state, 'done')
    assert.equal(readFileSync(mark, 'utf8'), 'whole\n')
  })

  test('comes whole, with the exit status, when the agent is killed meanwhile', async () => {
    const gate = join(site.folder, 'gate')
    const child = site.start(['run', 'sh', '-c', 'mkfifo "$1"; echo one; read -r _ <"$1"; echo two; exit 4', 'sh', gate])
    child.stdin?.end()
    assert.ok(child.stdout)
    assert.equal(String((await once(child.stdout, 'data'))[0]), 'one\n')
    process.kill((await site.look<About>(['agent', 'status'])).pid, 'SIGKILL')
    writeFileSync(gate, '\n')
    const [rest, [code]] = await Promise.all([buffer(child.stdout), once(child, 'close')])
    assert.deepEqual([String(rest), code], ['two\n', 4])
  })

  test('leaves nothing in the temporary folder', async () => {
    const { stdout } = await site.run(['run', 'echo', 'done'], { env: { TMPDIR: site.folder } })
    assert.equal(stdout, 'done\n')
    assert.deepEqual(
      readdirSync(site.folder).filter(name => name.startsWith('fettle-')),
      [],
    )
  })
})
