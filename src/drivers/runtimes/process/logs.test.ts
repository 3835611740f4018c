import assert from 'node:assert/strict'
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { zstdDecompressSync } from 'node:zlib'
import { command, group, labels, linesOf, never, nodeScript, openRuntime } from '../../../../test/helpers/process-runtime.ts'
import type { LogLine } from '../../../ports/runtime.ts'
import { splitLines } from './log-lines.ts'
import { formatMarks, offsetBefore, parseMarks, thin, timeAt } from './log-marks.ts'

/** Rotation tells nobody; the test's own time limit ends a wait in vain. */
const until = async (isIt: () => boolean) => {
  while (!isIt()) await delay(10)
}
const segmentsOf = (folder: string) => readdirSync(folder).filter(name => name.endsWith('.zst'))

describe('logs', () => {
  test('rotated, are read by the next agent, and archived as one file that zstd reads', async context => {
    const place = await openRuntime(context, { logs: { segmentBytes: 64 << 10 } })
    await place.runtime.run(command(['seq', '50000'], { name: 'op-count' }), never)
    let runtime = await place.reopen()
    runtime = await place.reopen()
    const lines = await linesOf(runtime)
    assert.equal(lines.length, 50_000)
    assert.equal(lines.at(-1), '50000')
    assert.ok(segmentsOf(join(place.home, 'units/commands/op-count')).length > 0)
    await runtime.forget('op-count')
    const folder = join(place.home, 'logs/op-count')
    const name = readdirSync(folder).find(file => file.endsWith('.log.zst')) ?? ''
    const text = zstdDecompressSync(readFileSync(join(folder, name))).toString()
    const last = []
    for await (const line of runtime.logs({ operation: 'op' }, { follow: false, lines: 2 }, never)) last.push(line.text)
    assert.deepEqual(last, ['49999', '50000'], 'and can still be read by its operation')
    assert.ok(text === `${lines.join('\n')}\n`, 'the archive holds every line')
  })

  test('that a dead agent archived by half are removed by the next, whole ones stay', async context => {
    const place = await openRuntime(context)
    await place.runtime.run(command(['echo', 'said'], { name: 'op-say' }), never)
    await place.runtime.forget('op-say')
    const folder = join(place.home, 'logs/op-say')
    const whole = readdirSync(folder)
    for (const half of ['a.json.0011aabb.tmp', 'a.log.zst.tmp']) writeFileSync(join(folder, half), '')
    await place.reopen()
    assert.deepEqual(readdirSync(folder), whole)
  })

  test('of a unit that was gone before anybody looked at its growth have the time of its end', async context => {
    const { runtime } = await openRuntime(context)
    const begun = Date.now()
    await runtime.run(command(['echo', 'said'], { name: 'op-say' }), never)
    await runtime.forget('op-say')
    for await (const { at, text } of runtime.logs({ operation: 'op' }, { follow: false }, never)) assert.ok(at >= begun, `${text} at ${at}`)
  })

  test('of an operation are read after its commands were forgotten, by the next agent too, and whoever follows misses none', async context => {
    const place = await openRuntime(context, { logs: { segmentBytes: 4 << 10 } })
    const enough = new AbortController()
    const followed: string[] = []
    const following = (async () => {
      for await (const { text } of place.runtime.logs({ operation: 'op' }, { follow: true }, enough.signal))
        if (followed.push(text) === 5001) enough.abort()
    })()
    await place.runtime.run(command(['sh', '-c', 'seq 5000; printf end'], { name: 'op-build' }), never)
    await place.runtime.forget('op-build')
    await following
    const runtime = await place.reopen()
    const read = async (options: { lines?: number; cursor?: string }) => {
      const lines: LogLine[] = []
      for await (const line of runtime.logs({ operation: 'op' }, { follow: false, ...options }, never)) lines.push(line)
      return lines
    }
    const lines = await read({})
    assert.deepEqual(
      lines.map(({ text }) => text),
      followed,
    )
    assert.equal(lines.at(-1)?.text, 'end')
    assert.deepEqual(await read({ lines: 3 }), lines.slice(-3))
    assert.deepEqual(await read({ cursor: lines[99]?.cursor ?? '' }), lines.slice(100))
    assert.deepEqual(lines[0]?.labels, { ...labels, operation: 'op' })
  })

  test('kept by size lose their oldest segments only', async context => {
    const { runtime } = await openRuntime(context, { logs: { segmentBytes: 16 << 10, keepBytes: 200_000 } })
    const random = nodeScript(`for (let i = 0; i < 20000; i++) console.log(i, require('node:crypto').randomBytes(12).toString('hex'))`)
    await runtime.run(command(random), never)
    await runtime.run(command(random, { name: 'op2' }), never)
    const kept = async () => {
      const numbers: number[] = []
      for await (const line of runtime.logs({ operation: 'op' }, { follow: false }, never))
        if (line.unit === 'op') numbers.push(Number(line.text.split(' ')[0]))
      return numbers
    }
    // Packing goes on behind the command's end.
    let numbers = await kept()
    while (numbers.length === 20_000) numbers = await kept()
    assert.equal(numbers.at(-1), 19_999)
    assert.ok(
      numbers.every((number, i) => i === 0 || number === (numbers[i - 1] ?? 0) + 1),
      'none is missing among the rest',
    )
  })

  test('truncated by hand begin anew', async context => {
    const { runtime, home } = await openRuntime(context, { logs: { segmentBytes: 1000 } })
    const argv = ['sh', '-c', 'seq 1000; while [ ! -e go ]; do sleep 0.01; done; echo after; sleep 1000']
    await runtime.apply(group({ argv, cwd: home, port: false, ready: undefined }), never)
    const folder = join(home, 'units/groups/web/0')
    await until(() => segmentsOf(folder).length > 0 && readFileSync(join(folder, 'log')).every(byte => byte === 0))
    truncateSync(join(folder, 'log'))
    writeFileSync(join(home, 'go'), '')
    const enough = new AbortController()
    for await (const { text } of runtime.logs(labels, { follow: true }, enough.signal)) if (text === 'after') break
    await until(() => segmentsOf(folder).length === 0)
    assert.deepEqual(await linesOf(runtime), ['after'])
  })

  test('of an app that prints a hundred megabytes without a newline come in pieces', async context => {
    const { runtime } = await openRuntime(context)
    await runtime.run(command(['sh', '-c', 'head -c 100000000 /dev/zero | tr "\\0" x; echo; printf "\\377\\376 end"']), never)
    let length = 0
    let last = ''
    for await (const { text } of runtime.logs({}, { follow: false }, never)) {
      assert.ok(text.length <= 64 << 10)
      length += text.length
      last = text
    }
    assert.equal(last, '\ufffd\ufffd end')
    assert.equal(length, 100_000_000 + last.length)
  })

  test('say when their lines came', async context => {
    const { runtime } = await openRuntime(context)
    const before = Date.now()
    await runtime.run(command(['sh', '-c', 'echo first; sleep 0.7; echo second']), never)
    const lines = []
    for await (const line of runtime.logs({}, { follow: false }, never)) lines.push(line)
    const [first, second] = lines
    assert.ok(first !== undefined && second !== undefined && first.at >= before && second.at <= Date.now())
    assert.ok(second.at - first.at >= 200, `${second.at - first.at}`)
    const since = []
    for await (const { text } of runtime.logs({}, { follow: false, sinceMs: second.at }, never)) since.push(text)
    assert.deepEqual(since, ['second'])
  })
})

describe('lines', () => {
  const split = async (chunks: string[], partial = true) => {
    async function* bytes() {
      let offset = 0
      for (const chunk of chunks) {
        yield { offset, bytes: Buffer.from(chunk) }
        offset += chunk.length
      }
    }
    const lines = []
    for await (const line of splitLines(bytes(), { partial })) lines.push(line)
    return lines
  }

  test('are put together from any chunks', async () => {
    assert.deepEqual(await split(['a', 'b\r\n', '\nc', 'd']), [
      { text: 'ab', offset: 0, end: 4 },
      { text: '', offset: 4, end: 5 },
      { text: 'cd', offset: 5, end: 7 },
    ])
    assert.deepEqual(
      (await split(['a\nb'], false)).map(({ text }) => text),
      ['a'],
    )
  })
})

describe('marks', () => {
  const marks = [
    [10, 100],
    [20, 200],
    [30, 300],
  ] as const

  test('tell the time of a byte, and where to begin for a time', () => {
    assert.deepEqual(
      [0, 9, 10, 29, 30].map(offset => timeAt(marks, offset, 999)),
      [100, 100, 200, 300, 999],
    )
    assert.deepEqual(
      [50, 100, 150, 200, 301].map(at => offsetBefore(marks, at)),
      [0, 0, 10, 10, 30],
    )
  })

  test('are thinned with the last one kept', () => {
    const many = Array.from({ length: 1001 }, (_, i) => [i, i] as const)
    assert.equal(thin(many, 10).length, 10)
    assert.deepEqual(thin(many, 10).at(-1), [1000, 1000])
    assert.deepEqual(parseMarks(formatMarks(marks)), marks)
  })
})
