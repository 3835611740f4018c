import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { FettleError } from '../core/errors.ts'
import { expandFrames, FRAME_SIZE, zstdFrame } from './zstd.ts'

const MIB = 1024 * 1024
const isDamaged = (error: unknown) => error instanceof FettleError && error.code === 'DAMAGED'

/** One buffer for all pieces: what a producer may do once the next piece is asked for. */
async function* pieces(data: Buffer, size: number): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(size)
  for (let at = 0; at < data.length; at += size) yield piece.subarray(0, data.copy(piece, 0, at, at + size))
}

async function compressed(data: Buffer): Promise<Buffer> {
  const frames: Buffer[] = []
  for (let at = 0; at === 0 || at < data.length; at += FRAME_SIZE) frames.push(...(await zstdFrame(data.subarray(at, at + FRAME_SIZE))))
  return Buffer.concat(frames)
}

for (const [what, data] of Object.entries({
  nothing: Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  'exactly a frame': randomBytes(FRAME_SIZE),
  'twenty megabytes of noise': randomBytes(20 * MIB),
  'forty megabytes that compress': Buffer.alloc(40 * MIB, 'all work and no play '),
})) {
  test(`${what} comes back, from here and from the zstd program`, async () => {
    const stored = await compressed(data)
    assert.ok((await buffer(expandFrames(pieces(stored, 777_777)))).equals(data))
    assert.ok((await buffer(expandFrames(pieces(stored, stored.length)))).equals(data))
    const program = spawnSync('zstd', ['-d', '-c'], { input: stored, maxBuffer: 64 * MIB })
    assert.equal(program.stderr.toString(), '')
    assert.ok(program.stdout.equals(data))
  })
}

test('a stream that is cut anywhere, or changed, is DAMAGED', async () => {
  const stored = await compressed(randomBytes(9 * MIB))
  for (const cut of [1, 15, 16, 17, 2 * MIB, stored.length - 1])
    await assert.rejects(buffer(expandFrames(pieces(stored.subarray(0, cut), MIB))), isDamaged, `cut at ${cut}`)
  for (const at of [0, 4, 8, 11, 12, 15, 20, 2 * MIB, stored.length - 1]) {
    const changed = Buffer.from(stored)
    changed[at] = (changed[at] as number) ^ 0x40
    await assert.rejects(buffer(expandFrames(pieces(changed, MIB))), isDamaged, `changed at ${at}`)
  }
})
