/**
 * What is piped into `fettle run`, on its way to the command: through a named pipe, which that opens as its standard input. So it comes
 * as it is written, and neither agent nor journal sees it.
 */
import { existsSync, constants as fs, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FettleError } from '../core/errors.ts'
import { execute } from '../lib/execute.ts'
import type { InputStream } from './io.ts'

const LOOK_EVERY_MS = 10

export interface PipedInput {
  /** Of the named pipe. Whoever opens it to read removes it. */
  path: string
  /** Nobody reads any more. Idempotent. */
  close(): Promise<void>
}

/** @throws FettleError UNSUPPORTED where no named pipe can be made */
export async function pipeInput(stdin: InputStream): Promise<PipedInput> {
  const folder = await mkdtemp(join(tmpdir(), 'fettle-input-'))
  const path = join(folder, 'stdin')
  const made = await execute('mkfifo', ['-m', '600', path])
  if (made.code !== 0) throw new FettleError('UNSUPPORTED', `no named pipe for standard input: ${made.stderr.trim()}`)
  // For both: opened only to write it would wait for a reader, and what was written before one came would be lost when we are done.
  const fd = openSync(path, fs.O_RDWR | fs.O_NONBLOCK)
  const pipe = new Socket({ fd, readable: false, writable: true })
  pipe.on('error', () => {}) // the command ended: its exit status says why
  let isOpen = true
  const finish = async (): Promise<void> => {
    while (isOpen && existsSync(path)) await delay(LOOK_EVERY_MS)
    pipe.end()
  }
  stdin.once('end', () => void finish())
  stdin.pipe(pipe, { end: false })
  return {
    path,
    async close() {
      isOpen = false
      stdin.unpipe(pipe)
      stdin.pause()
      pipe.destroy()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
