/** What a command prints comes out of fettle run as it was written. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import type { About } from '../../src/api/views.ts'
import type { OperationRecord } from '../../src/core/plan.ts'
import { MASK } from '../../src/core/secret.ts'
import { type Installation, openInstallation } from '../helpers/installation.ts'
import { assembleSmall } from '../helpers/small-app.ts'

const SECRET = 'first/half+second/half=é'

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('what a command of fettle run prints', () => {
  let site: Installation
  before(async () => {
    site = await openInstallation(into => assembleSmall(into, 'secrets: [TOKEN]\n'))
    await site.edit('fettle.yaml', text => text.replace('"${release}" }', '"${release}", TOKEN: "${secrets.TOKEN}" }'))
    assert.equal((await site.run(['secrets', 'set', 'TOKEN'], { stdin: SECRET })).code, 0)
    await site.must(['deploy'])
  })
  after(() => site.close())

  const killAgent = async () => process.kill((await site.look<About>(['agent', 'status'])).pid, 'SIGKILL')

  test('comes byte by byte, whatever it is and however it ends, standard error apart', async () => {
    const bytes = Buffer.concat([Uint8Array.from({ length: 256 }, (_, byte) => byte), randomBytes(3_000_001)])
    const path = join(site.folder, 'bytes')
    writeFileSync(path, bytes)
    const print = `
      const { readFileSync, writeSync } = require('node:fs')
      const [path, code] = process.argv.slice(1)
      const bytes = readFileSync(path)
      writeSync(2, Buffer.from('\\xff apart', 'latin1'))
      for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at, Math.min(bytes.length - at, Math.ceil(Math.random() * 9000)))
      process.exit(Number(code))`
    for (const [code, ...options] of [[0], [3], [0, '--raw']] as const) {
      const child = site.start(['exec', ...options, '--', process.execPath, '-e', print, path, String(code)])
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
    await site.run(['run', 'echo', 'data'])
    const [silent] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
    const empty = await site.run(['logs', '--operation', silent?.id ?? ''])
    assert.deepEqual([empty.code, empty.stdout], [0, ''])
    assert.match(empty.stderr, /has no log: what its command printed went to whoever ran it/)
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

  test('ends it when nobody reads it any more, as in a shell, and leaves no pipes', async () => {
    for (const options of [[], ['--raw']]) {
      const temporary = mkdtempSync(join(site.folder, 'unread-'))
      const child = site.start(['run', ...options, 'sh', '-c', 'trap "" PIPE; while :; do echo y; done'], { env: { TMPDIR: temporary } })
      child.stdin?.end()
      assert.ok(child.stdout && child.stderr)
      await once(child.stdout, 'data')
      child.stdout.destroy()
      const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
      assert.deepEqual([code, said, readdirSync(temporary)], [141, '', []])
      const [last] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
      await site.run(['operations', 'follow', last?.id ?? ''])
      assert.equal((await site.operation(last?.id ?? '')).state, 'undone')
    }
  })

  test('leaves no pipes either when whoever reads it is killed: they go with the command', async () => {
    const temporary = mkdtempSync(join(site.folder, 'killed-'))
    const gate = join(temporary, 'gate')
    const child = site.start(['run', 'sh', '-c', 'mkfifo "$1"; echo one; read -r _ <"$1"', 'sh', gate], { env: { TMPDIR: temporary } })
    child.stdin?.end()
    assert.ok(child.stdout)
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'close')
    assert.equal(readdirSync(temporary).length, 2)
    writeFileSync(gate, '\n')
    const [last] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
    await site.run(['operations', 'follow', last?.id ?? ''])
    assert.deepEqual(readdirSync(temporary), ['gate'])
  })

  test('comes whole, with the exit status, when the agent is killed meanwhile', async () => {
    const gate = join(site.folder, 'gate')
    const child = site.start(['run', 'sh', '-c', 'mkfifo "$1"; echo one; read -r _ <"$1"; echo two; exit 4', 'sh', gate])
    child.stdin?.end()
    assert.ok(child.stdout)
    assert.equal(String((await once(child.stdout, 'data'))[0]), 'one\n')
    await killAgent()
    writeFileSync(gate, '\n')
    const [rest, [code]] = await Promise.all([buffer(child.stdout), once(child, 'close')])
    assert.deepEqual([String(rest), code], ['two\n', 4])
  })

  test('has its secrets hidden, in pieces and in base64 too, and a last line says so', async () => {
    const gate = join(site.folder, 'middle')
    const halves =
      'mkfifo "$1"; printf "of %s" "${TOKEN%second*}"; read -r _ <"$1"; printf "%s!" "${TOKEN#*+}"; printf %s "$TOKEN" | base64'
    const child = site.start(['run', 'sh', '-c', halves, 'sh', gate])
    child.stdin?.end()
    assert.ok(child.stdout && child.stderr)
    assert.equal(String((await once(child.stdout, 'data'))[0]), 'of ')
    writeFileSync(gate, '\n')
    const [rest, said] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    assert.equal(rest, `${MASK}!${MASK}\n`)
    assert.equal(said, 'a secret was hidden in what it printed, 2 times → `--raw` passes everything on as it is\n')
  })

  test('has its secrets hidden where base64 and hex are broken into lines, in its log too', async () => {
    const wrapped = 'printf "a$TOKEN b$TOKEN" | base64 -w 28; printf %s "$TOKEN" | od -An -v -tx1 | tr -d " "; echo end'
    const shown = /^(••••|.{0,7}|\n)*end\n$/
    assert.match((await site.run(['run', 'sh', '-c', wrapped])).stdout, shown)
    assert.equal((await site.run(['run', '--detach', 'sh', '-c', wrapped])).code, 0)
    const [last] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
    const id = last?.id ?? ''
    assert.match((await site.run(['operations', 'follow', id])).stdout, shown)
    const { stdout } = await site.run(['logs', '--operation', id])
    assert.match(stdout, /••••/)
    assert.doesNotMatch(stdout, /[A-Za-z0-9+]{20}/)
  })

  test('comes once, in order and with its secrets hidden, when agents are killed in the middle of it', async () => {
    const path = join(site.folder, 'long')
    const line = (secret: string) => (_: unknown, n: number) => `${n} ${n % 10 === 0 ? secret : 'nothing'}\n`
    const linesOf = (secret: string) => Buffer.from(Array.from({ length: 400_000 }, line(secret)).join(''))
    const expected = linesOf(MASK)
    writeFileSync(path, linesOf(SECRET))
    const child = site.start(['run', 'cat', path])
    child.stdin?.end()
    assert.ok(child.stdout && child.stderr)
    const said = text(child.stderr)
    const pieces: Buffer[] = []
    let [seen, kills] = [0, 0]
    for await (const piece of child.stdout as AsyncIterable<Buffer>) {
      pieces.push(piece)
      seen += piece.length
      // Read no further meanwhile: the rest waits on its way.
      if (kills < 3 && seen > kills * 1_000_000) {
        await killAgent()
        kills++
      }
    }
    assert.equal(digest(Buffer.concat(pieces)), digest(expected))
    assert.match(await said, /hidden in what it printed, 40000 times/)
    assert.equal(kills, 3)
  })

  test('is not shown any more when no agent comes back: the command goes on, and the error says so', async t => {
    const [gate, mark] = [join(site.folder, 'no-agent'), join(site.folder, 'no-agent-mark')]
    const child = site.start([
      'run',
      'sh',
      '-c',
      'mkfifo "$1"; echo one; read -r _ <"$1"; echo "$TOKEN"; echo whole >"$2"',
      'sh',
      gate,
      mark,
    ])
    child.stdin?.end()
    assert.ok(child.stdout && child.stderr)
    assert.equal(String((await once(child.stdout, 'data'))[0]), 'one\n')
    const settings = readFileSync(site.paths.settings)
    t.after(() => writeFileSync(site.paths.settings, settings))
    writeFileSync(site.paths.settings, 'broken')
    await killAgent()
    writeFileSync(gate, '\n')
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    assert.deepEqual([stdout, code], ['', 125])
    assert.match(stderr, /is not shown any more, .* goes on by itself: `fettle operations follow op\d+`/s)
    writeFileSync(site.paths.settings, settings)
    assert.equal((await site.run(['agent', 'start'])).code, 0)
    const [last] = (await site.look<{ operations: OperationRecord[] }>(['operations'])).operations
    await site.run(['operations', 'follow', last?.id ?? ''])
    assert.equal(readFileSync(mark, 'utf8'), 'whole\n')
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
