/** What the command of `fettle run` prints. */
import { once } from 'node:events'
import { closeSync, constants as fs, openSync } from 'node:fs'
import { Socket } from 'node:net'

export interface PipedOutput {
  /** Passes it on from now on. @returns what `show` does, which reads it to its end */
  show(show: (pipe: Socket) => Promise<void>): Promise<void>
  drain(): Promise<void>
  close(): void
}

/** @param path of a named pipe */
export function openOutput(path: string): PipedOutput {
  const pipe = new Socket({ fd: openSync(path, fs.O_RDONLY | fs.O_NONBLOCK), readable: true, writable: false })
  // Until the command's side has certainly opened it: without any writer it would be at its end.
  let writer: number | undefined = openSync(path, fs.O_WRONLY | fs.O_NONBLOCK)
  const release = (): void => {
    if (writer !== undefined) closeSync(writer)
    writer = undefined
  }
  let shown: Promise<void> | undefined
  return {
    show(show) {
      shown = show(pipe)
      return shown
    },
    async drain() {
      release()
      await shown
    },
    close() {
      release()
      pipe.destroy()
    },
  }
}

/** Byte by byte. */
export async function showRaw(pipe: Socket, to: NodeJS.WritableStream): Promise<void> {
  pipe.pipe(to, { end: false })
  await once(pipe, 'close')
}
