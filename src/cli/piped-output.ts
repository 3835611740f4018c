/** What the command of `fettle run` prints. */
import { once } from 'node:events'
import { closeSync, constants as fs, openSync } from 'node:fs'
import { Socket } from 'node:net'
import type { OutputStream } from './io.ts'

export interface ForwardedOutput {
  drain(): Promise<void>
  close(): void
}

/** @param path of a named pipe */
export function forwardOutput(path: string, to: OutputStream): ForwardedOutput {
  const pipe = new Socket({ fd: openSync(path, fs.O_RDONLY | fs.O_NONBLOCK), readable: true, writable: false })
  // Until the command's side has certainly opened it: without any writer it would be at its end.
  let writer: number | undefined = openSync(path, fs.O_WRONLY | fs.O_NONBLOCK)
  const release = (): void => {
    if (writer !== undefined) closeSync(writer)
    writer = undefined
  }
  const ended = once(pipe, 'close')
  pipe.pipe(to, { end: false })
  return {
    async drain() {
      release()
      await ended
    },
    close() {
      release()
      pipe.destroy()
    },
  }
}
