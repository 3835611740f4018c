/** What the command line is given from outside, so that it runs in a test as it runs in a terminal. */
import type { EventEmitter } from 'node:events'
import type { Clock } from '../ports/clock.ts'

export interface Io {
  stdin: InputStream
  stdout: OutputStream
  stderr: OutputStream
  env: NodeJS.ProcessEnv
  cwd: string
  /** Where SIGINT and SIGHUP are heard; default: the process. */
  signals?: EventEmitter
  /** Says `unread` when what was written has no reader any more; where nobody listens, the program ends at once. */
  unread?: EventEmitter
  clock?: Clock
}

/** A terminal's own properties are missing on pipes and files. */
export interface InputStream extends NodeJS.ReadableStream {
  isTTY?: boolean
  setRawMode?(on: boolean): unknown
  /** Lets the process end while the stream is open. */
  unref?(): unknown
  ref?(): unknown
}

export interface OutputStream extends NodeJS.WritableStream {
  fd?: number
  isTTY?: boolean
  columns?: number
  rows?: number
}
