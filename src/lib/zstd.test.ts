import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { FettleError } from '../core/errors.ts'
import { compressZstd, expandZstd } from './zstd.ts'

const MIB = 1024 * 1024

/** One buffer for all pieces: what a producer may do once the next piece is asked for. */
async function* pieces(data: Buffer, size: number): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(size)
  for (let at = 0; at < data.length; at += size) yield piece.subarray(0, data.copy(piece, 0, at, at + size))
}

for (const [what, data] of Object.entries({
  nothing: Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  'exactly a slab': randomBytes(MIB),
  'eleven megabytes of noise': randomBytes(11 * MIB),
  'thirty megabytes that compress': Buffer.alloc(30 * MIB, 'all work and no play '),
})) {
  test(`${what} comes back, from here and from the zstd program`, async () => {
    const stored = await buffer(compressZstd(pieces(data, 300_001)))
    assert.ok((await buffer(expandZstd(pieces(stored, 777_777)))).equals(data))
    const program = spawnSync('zstd', ['-d', '-c'], { input: stored, maxBuffer: 64 * MIB })
    assert.equal(program.stderr.toString(), '')
    assert.ok(program.stdout.equals(data))
  })
}

test('a stream that is cut short or changed fails', async () => {
  const stored = await buffer(compressZstd(pieces(randomBytes(3 * MIB), MIB)))
  for (const cut of [1, 4, 20, 2 * MIB, stored.length - 100])
    await assert.rejects(buffer(expandZstd(pieces(stored.subarray(0, cut), MIB))), Error, `cut at ${cut}`)
  const changed = Buffer.from(stored)
  changed[MIB] = (changed[MIB] as number) ^ 4
  await assert.rejects(buffer(expandZstd(pieces(changed, MIB))))
})

test('a payload that fails, fails the stream with its own error', async () => {
  async function* failing() {
    yield randomBytes(9 * MIB)
    throw new FettleError('DISK_FULL', 'no more')
  }
  await assert.rejects(buffer(compressZstd(failing())), (error: FettleError) => error.code === 'DISK_FULL')
})

test('a reader that stops early ends the payload too', async () => {
  let ended = false
  async function* endless() {
    try {
      for (;;) yield randomBytes(MIB)
    } finally {
      ended = true
    }
  }
  for await (const _ of compressZstd(endless())) break
  assert.ok(ended)
})
