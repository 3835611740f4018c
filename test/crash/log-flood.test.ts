/** More output than anybody reads: rotated while it comes, and read all the same. */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { command, never, nodeScript, openRuntime } from '../helpers/process-runtime.ts'

const diskBytes = (path: string) => statSync(path).blocks * 512
/** Rotation tells nobody; the test's own time limit ends a wait in vain. */
const until = async (isIt: () => boolean) => {
  while (!isIt()) await delay(10)
}
const segmentsOf = (folder: string) => readdirSync(folder).filter(name => name.endsWith('.zst'))

test('the log of an app that prints a million lines loses none of them while it is rotated and read', async context => {
  const { runtime, home } = await openRuntime(context, { logs: { segmentBytes: 256 << 10 } })
  const folder = join(home, 'units/commands/op')
  // In bursts, so that there are rotations while it writes.
  const writer = nodeScript(`const { writeSync } = require('node:fs'); let n = 0
    const burst = () => { let text = ''; for (let i = 0; i < 10_000; i++) text += ++n + '\\n'
      for (let at = 0; at < text.length; ) at += writeSync(1, text.slice(at)); if (n < 1_000_000) setTimeout(burst, 15) }
    burst()`)
  const enough = new AbortController()
  let expected = 0
  const running = runtime.run(command(writer), never)
  for await (const { text } of runtime.logs({}, { follow: true }, enough.signal)) {
    if (Number(text) !== ++expected) assert.fail(`line ${expected} is ${text}`)
    if (expected === 1_000_000) enough.abort()
  }
  assert.equal((await running).tail.split('\n').at(-1), '1000000')
  assert.ok(segmentsOf(folder).length >= 2, 'it was rotated')
  await until(() => diskBytes(join(folder, 'log')) < 1 << 20)
})
