/** What is piped into `fettle run`. */
import { existsSync, constants as fs, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { InputStream } from './io.ts'

const LOOK_EVERY_MS = 10

/** @param path of a named pipe: whoever opens it to read removes it */
export function forwardInput(stdin: InputStream, path: string): { close(): void } {
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
  stdin.once('error', () => void finish()) // a terminal that is gone
  stdin.pipe(pipe, { end: false })
  return {
    close() {
      isOpen = false
      stdin.unpipe(pipe)
      stdin.pause()
      pipe.destroy()
    },
  }
}
