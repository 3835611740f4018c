import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { memoryPlace } from '../../../../test/helpers/memory-place.ts'
import { dumpOptions } from '../../../../test/helpers/repository.ts'
import { temporaryFolder } from '../../../../test/helpers/temporary.ts'
import { findProgram } from '../../../lib/programs.ts'
import { filesStore } from './index.ts'

const config = { files: '.' }
const signal = new AbortController().signal
const TMPFS = 0x01021994
/** Beyond what is read again for its youth alone. */
const AHEAD_MS = 3000

/** Node has no memory maps. Writes its next argument into the file at each line that it gets. */
const WRITER = `
import mmap, sys
with open(sys.argv[1], 'r+b') as file:
    memory = mmap.mmap(file.fileno(), 0)
    for text in sys.argv[2:]:
        memory[0:len(text)] = text.encode()
        print(text, flush=True)
        sys.stdin.readline()
`

describe('a file that is written through a memory map', async () => {
  const base = temporaryFolder()
  const lack =
    (await findProgram('python3')) === undefined
      ? 'python3 can not be found'
      : statfsSync(base).type === TMPFS && 'a tmpfs is never written back: see the README of the driver'

  for (const [what, others] of Object.entries({ 'among few': 0, 'among many': 50 })) {
    test(`is backed up as it is, also where its times did not move, ${what} that are young`, { skip: lack }, async () => {
      const live = join(base, what)
      mkdirSync(live)
      for (let n = 0; n < others; n++) writeFileSync(join(live, `other-${n}`), '')
      const path = join(live, 'mapped')
      writeFileSync(path, Buffer.alloc(8192))
      const place = memoryPlace()
      const options = dumpOptions(join(base, 'scratch'), { cache: join(base, `${what} cache`), viewed: () => Date.now() + AHEAD_MS })
      const writer = spawn('python3', ['-c', WRITER, path, 'AAAAA', 'BBBBB'], { stdio: ['pipe', 'pipe', 'inherit'] })
      try {
        await once(writer.stdout, 'data')
        const first = await filesStore.dump(live, config, place, options)
        writer.stdin.write('\n')
        await once(writer.stdout, 'data')
        const second = await filesStore.dump(live, config, place, { ...options, previous: first })
        const restored = join(base, `${what} restored`)
        await filesStore.load(second, place, restored, config, { durable: false, signal })
        assert.equal(readFileSync(join(restored, 'mapped'), 'latin1').slice(0, 5), 'BBBBB')
        assert.equal(statSync(path).size, 8192)
      } finally {
        writer.kill()
        await once(writer, 'exit')
      }
    })
  }
})
