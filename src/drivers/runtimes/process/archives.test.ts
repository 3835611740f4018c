import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { command, group, labels, never, nodeScript, openRuntime } from '../../../../test/helpers/process-runtime.ts'
import { systemClock } from '../../../lib/clock.ts'
import type { LogLine, Runtime } from '../../../ports/runtime.ts'
import { LogProgress } from './log-progress.ts'

const selector = { app: labels.app, environment: labels.environment }
type Options = { lines?: number; sinceMs?: number; cursor?: string }

async function read(runtime: Runtime, options: Options = {}): Promise<LogLine[]> {
  const lines = []
  for await (const line of runtime.logs(selector, { follow: false, ...options }, never)) lines.push(line)
  return lines
}
const textsOf = (lines: LogLine[]) => lines.map(({ text }) => text)

/** One run of a release that says a few lines and is removed. */
async function activation(runtime: Runtime, name: string, says: string): Promise<void> {
  await runtime.run(command(['sh', '-c', says], { name: `shop.test.web.${name}`, labels }), never)
  await runtime.forget(`shop.test.web.${name}`)
}
const archiveOf = (home: string, name: string, ending: string) => {
  const folder = join(home, 'logs', `shop.test.web.${name}`)
  return join(folder, readdirSync(folder).find(file => file.endsWith(ending)) ?? '')
}

describe('logs of units that are gone', () => {
  test('are shown by time with those of what runs, cut to the last of all and to those since, and go on behind each of their lines', async context => {
    const place = await openRuntime(context)
    await activation(place.runtime, 'r1', 'seq 1 300')
    await activation(place.runtime, 'r2', 'seq 301 600; printf 601')
    await place.runtime.run(command(['seq', '602', '604'], { name: 'shop.test.web.r3', labels }), never)
    const runtime = await place.reopen()
    const lines = await read(runtime)
    assert.deepEqual(
      textsOf(lines),
      Array.from({ length: 604 }, (_, i) => String(i + 1)),
    )
    for (const count of [0, 1, 3, 4, 5, 304, 305, 604, 10_000])
      assert.deepEqual(textsOf(await read(runtime, { lines: count })), textsOf(count === 0 ? [] : lines.slice(-count)), `${count}`)
    const [second, third] = [lines[300]?.at ?? 0, lines[601]?.at ?? 0]
    assert.equal((await read(runtime, { sinceMs: second })).length, 304)
    assert.equal((await read(runtime, { sinceMs: second, lines: 302 })).length, 302)
    assert.deepEqual(textsOf(await read(runtime, { sinceMs: third })), ['602', '603', '604'])
    for (const at of [0, 299, 300, 599, 600, 601, 603])
      assert.deepEqual(textsOf(await read(runtime, { cursor: lines[at]?.cursor })), textsOf(lines.slice(at + 1)), `behind ${at}`)
  })

  test('that were followed go on when the unit is removed, and its successor under the same name is another one: none is lost or doubled', async context => {
    const { runtime, home } = await openRuntime(context)
    const counting = nodeScript(`const { appendFileSync, readFileSync, writeSync } = require('node:fs')
      process.on('SIGTERM', () => process.exit())
      setInterval(() => { let n = 0; try { n = readFileSync('count').length } catch {}
        for (let i = 0; i < 50; i++) writeSync(1, String(++n) + '\\n'); appendFileSync('count', 'x'.repeat(50)) }, 5)`)
    const running = group({ name: 'shop.test.web.r1', argv: counting, cwd: home, port: false, ready: undefined })
    const enough = new AbortController()
    let expected = 0
    let cursor = ''
    const follow = async (signal: AbortSignal, options: Options) => {
      for await (const line of runtime.logs(selector, { follow: true, ...options }, signal)) {
        if (Number(line.text) !== ++expected) assert.fail(`line ${expected} is ${line.text}`)
        cursor = line.cursor
        if (expected === 20_000) enough.abort()
        // As one who lost the agent.
        if (expected % 1777 === 0) return
      }
    }
    const following = (async () => {
      while (!enough.signal.aborted) await follow(enough.signal, cursor === '' ? {} : { cursor })
    })().finally(() => enough.abort())
    while (!enough.signal.aborted) {
      await runtime.apply(running, never)
      const target = expected + 1500
      while (expected < target && !enough.signal.aborted) await delay(10)
      await runtime.remove(running.name, never)
    }
    await following
    assert.ok(readdirSync(join(home, 'logs/shop.test.web.r1.0')).length > 4, 'it was archived several times')
  })

  test('that are damaged are told of in one line each and hide no other; those that can not matter are not opened', async context => {
    const place = await openRuntime(context)
    await activation(place.runtime, 'r1', 'echo first')
    await activation(place.runtime, 'r2', 'echo begins; head -c 300000 /dev/urandom | od -An -tx1')
    await activation(place.runtime, 'r3', 'echo third')
    await activation(place.runtime, 'r4', 'echo fourth')
    await place.runtime.close()
    truncateSync(archiveOf(place.home, 'r2', '.zst'), 250_000)
    writeFileSync(archiveOf(place.home, 'r3', '.json'), '{')
    const runtime = await place.reopen()
    const lines = textsOf(await read(runtime))
    const notices = lines.filter(text => text.startsWith('(fettle can not read'))
    assert.equal(notices.length, 2)
    assert.match(notices.join('\n'), /what else shop\.test\.web\.r2 said: unexpected end of file\)\n.*r3 said: .*JSON/)
    const others = lines.filter(text => !notices.includes(text))
    assert.deepEqual([others[0], others[1], others.at(-1)], ['first', 'begins', 'fourth'])
    assert.ok(others.length > 1000, 'and what could be read of it')
    assert.deepEqual(textsOf(await read(runtime, { lines: 1 })), ['fourth'])
    assert.deepEqual(textsOf(await read(runtime, { lines: 2 })).length, 2)
    writeFileSync(archiveOf(place.home, 'r1', '.zst'), '')
    assert.deepEqual(textsOf(await read(runtime, { lines: 1 })), ['fourth'])
    assert.match(textsOf(await read(runtime))[0] ?? '', /r1 said: unexpected end of file/)
  })

  test('of commands are read with their operation only', async context => {
    const { runtime } = await openRuntime(context)
    const owner = { ...selector, operation: 'op7' }
    await runtime.run(command(['echo', 'built'], { name: 'op7-build', labels: owner }), never)
    await runtime.forget('op7-build')
    assert.deepEqual(await read(runtime), [])
    for await (const { text, labels } of runtime.logs({ operation: 'op7' }, { follow: false }, never))
      assert.deepEqual({ text, labels }, { text: 'built', labels: owner })
  })

  test('go by the room for all of an environment, the oldest first, and by age', async context => {
    let aheadMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
    const noise = 'head -c 30000 /dev/urandom | od -An -tx1'
    const home = await mkdtemp(join(tmpdir(), 'fettle-process-'))
    const place = await openRuntime(context, { home, clock, logs: { archiveBytes: 200_000 } })
    const other = { app: 'other', environment: 'test', service: 'web' }
    await place.runtime.run(command(['echo', 'other'], { name: 'other.test.web.r1', labels: other }), never)
    await place.runtime.forget('other.test.web.r1')
    for (const name of ['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8']) await activation(place.runtime, name, noise)
    const kept = () => readdirSync(join(home, 'logs')).sort()
    assert.equal(kept()[0], 'other.test.web.r1', 'each environment has its own')
    assert.ok(kept().length > 2 && kept().length < 9 && kept().at(-1) === 'shop.test.web.r8', `${kept()}`)
    assert.ok(!existsSync(join(home, 'logs/shop.test.web.r1')))
    assert.ok(readFileSync(archiveOf(home, 'r8', '.zst')).length < 200_000)
    aheadMs = 31 * 86_400_000
    await place.reopen()
    assert.deepEqual(kept(), [])
  })
})

describe('progress', () => {
  const log = (id: string, begin: number, end: number) => ({
    id,
    unit: id,
    labels,
    isWhole: true,
    begin,
    end,
    to: 0,
    open: () => Promise.reject(new Error('not opened')),
  })

  test('lists what is read in part or may still come before what was read, and is the same when it is read again', () => {
    const progress = LogProgress.begin()
    const [old, part, latest] = [log('old@1', 1, 5), log('part@2', 2, 20), log('latest@3', 30, 40)]
    progress.readAll(old)
    progress.read(part, 77)
    assert.equal(String(progress), '0 old@1:end part@2:77')
    progress.passed(10)
    progress.tidy()
    assert.equal(String(progress), '10 part@2:77')
    const again = LogProgress.parse(String(progress))
    assert.deepEqual(
      [old, part, latest].map(each => again.offsetIn(each)),
      [Number.POSITIVE_INFINITY, 77, 0],
    )
  })
})
