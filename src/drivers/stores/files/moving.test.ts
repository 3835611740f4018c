/** Whatever happens to a tree while it is dumped, archive and fingerprint agree. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { memoryPlace } from '../../../../test/helpers/memory-place.ts'
import { dumpOptions } from '../../../../test/helpers/repository.ts'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { compareFingerprints } from '../../../core/fingerprint.ts'
import type { DumpOptions, Sink, SnapshotPart, Source } from '../../../ports/store.ts'
import { filesStore } from './index.ts'

const config = { files: '.' }
const signal = new AbortController().signal
const base = temporaryFolder()
/** Two pieces of a streamed file, beside its header and padding. */
const LARGE = 300_000
const SMALL = 1000

type Meddle = (path: string) => void

const folder = (name: string) => mkdtempSync(join(base, name))

function dump(root: string, place: Sink, changes: Partial<DumpOptions> = {}): Promise<SnapshotPart> {
  return filesStore.dump(root, config, place, dumpOptions(join(base, 'scratch'), changes))
}

async function requireAgreement(part: SnapshotPart, place: Source, what: string): Promise<void> {
  const restored = folder('restored')
  await filesStore.load(part, place, restored, config, { durable: false, signal })
  assert.deepEqual(compareFingerprints(part.fingerprint, await filesStore.fingerprint(restored, config, signal)), [], what)
  rmSync(restored, { recursive: true })
}

const meddling: Record<string, Meddle> = {
  grows: path => appendFileSync(path, 'more'),
  shrinks: path => truncateSync(path, 10),
  'is emptied': path => truncateSync(path),
  'gets another mode': path => chmodSync(path, 0o640),
  'is renamed': path => renameSync(path, `${path}.bin`),
  'is deleted': path => unlinkSync(path),
  'is replaced by another file': path => {
    writeFileSync(`${path}.part`, 'z'.repeat(LARGE + 1))
    renameSync(`${path}.part`, path)
  },
  'is replaced by a link': path => {
    unlinkSync(path)
    symlinkSync('elsewhere', path)
  },
  'is replaced by a folder': path => {
    unlinkSync(path)
    mkdirSync(path)
    writeFileSync(join(path, 'inside'), 'x')
  },
}

function tree(size: number): string {
  const root = folder('live')
  // Larger than a batch, so that the walk is over and nothing of the second was read when the first piece arrives.
  writeFileSync(join(root, 'a-first'), 'x'.repeat(LARGE))
  writeFileSync(join(root, 'b-second'), 'y'.repeat(size))
  writeFileSync(join(root, 'c-third'), 'z'.repeat(size))
  return root
}

/** @returns how many pieces there were */
async function meddledDump(size: number, at: number, meddle: Meddle, isDelta: boolean): Promise<number> {
  const root = tree(size)
  const second = join(root, 'b-second')
  let pieces = 0
  let isWatching = !isDelta
  let wasRead = false
  const place = memoryPlace(bytes => {
    if (!isWatching) return
    pieces++
    // Within its first reading, so that there is a second one.
    const isRead = bytes[0] === 'y'.charCodeAt(0)
    if (isRead && !wasRead && pieces <= at) appendFileSync(second, 'more')
    wasRead ||= isRead
    if (pieces === at) meddle(second)
  })
  let changes = {}
  if (isDelta) {
    writeFileSync(join(root, 'ballast'), 'b'.repeat(4 * LARGE))
    const cache = folder('cache')
    changes = { cache, previous: await dump(root, place, { cache }) }
    for (const name of ['a-first', 'b-second']) utimesSync(join(root, name), 7, 7)
    isWatching = true
  }
  const part = await dump(root, place, changes)
  assert.equal(part.objects.length, isDelta ? 2 : 1)
  await requireAgreement(part, place, `at piece ${at}`)
  rmSync(root, { recursive: true })
  return pieces
}

describe('files that move while they are dumped', () => {
  for (const [what, meddle] of Object.entries(meddling)) {
    for (const size of [SMALL, LARGE]) {
      for (const isDelta of [false, true]) {
        test(`a file of ${size} bytes that ${what} at any moment of a ${isDelta ? 'delta' : 'full dump'} is in archive and fingerprint alike`, async () => {
          for (let at = 1, pieces = 1; at <= pieces; at++) pieces = await meddledDump(size, at, meddle, isDelta)
        })
      }
    }
  }

  test('whatever uploads, renames and removals go on, each dump loads as its fingerprint says', async () => {
    const root = folder('uploads')
    const writer = spawn(process.execPath, ['-e', WRITER, root], { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      await once(writer.stdout, 'data')
      const place = memoryPlace()
      const cache = folder('cache')
      let previous: SnapshotPart | undefined
      for (let round = 0; round < 15; round++) {
        previous = await dump(root, place, { cache, ...(previous && { previous }) })
        await requireAgreement(previous, place, `round ${round}`)
      }
    } finally {
      writer.kill()
      await once(writer, 'exit')
    }
  })
})

/** Uploads as apps write them: in pieces, renamed when whole, the oldest removed; until it is ended. */
const WRITER = `
  const fs = require('node:fs')
  const root = process.argv[1]
  const random = most => Math.floor(Math.random() * most)
  async function upload(lane) {
    for (let n = 0; ; n++) {
      const path = root + '/' + lane + '-' + n
      const file = fs.openSync(path + '.part', 'w')
      for (let piece = random(20); piece >= 0; piece--) {
        fs.writeSync(file, Buffer.alloc(65536, piece))
        await new Promise(setImmediate)
      }
      fs.closeSync(file)
      fs.renameSync(path + '.part', path + '.bin')
      if (n > 4) fs.rmSync(root + '/' + lane + '-' + (n - 4) + '.bin', { force: true })
      if (lane === 0 && n === 4) console.log('busy')
    }
  }
  for (let lane = 0; lane < 4; lane++) upload(lane)
`
