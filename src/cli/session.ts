/** The user's terminal in the hands of the command of `fettle run`: every key is the command's, and the size is told to its own terminal. */
import { existsSync } from 'node:fs'
import { execute } from '../lib/execute.ts'
import { readIfExists } from '../lib/files.ts'
import { isForeground } from './foreground.ts'
import type { Io, OutputStream } from './io.ts'

export interface Session {
  /** As the agent takes it. */
  request: { file: string; type: string; colours: string; columns: number; rows: number }
  /** Gives the terminal back. Idempotent. */
  close(): void
}

/** Both ends are a terminal that listens to us. */
export const hasTerminal = ({ stdin, stdout }: Io): boolean => stdin.isTTY === true && stdout.isTTY === true && isForeground()

/** What makes a terminal for the command; without it there is none. */
export const canMakeTerminal = (): boolean => ['/usr/bin/script', '/bin/script'].some(path => existsSync(path))

/** @param file where the command's terminal will write its name */
export function openSession({ stdin, stdout, env }: Io, file: string): Session {
  const { columns, rows } = sizeOf(stdout)
  const resize = (): void => void fit(file, stdout)
  stdin.setRawMode?.(true)
  stdout.on('resize', resize)
  return {
    request: { file, type: env.TERM ?? 'dumb', colours: env.COLORTERM ?? '', columns, rows },
    close() {
      stdout.off('resize', resize)
      stdin.setRawMode?.(false)
    },
  }
}

/** The kernel tells whatever runs there. A size that could not be told is told with the next change. */
async function fit(file: string, stdout: OutputStream): Promise<void> {
  const name = (await readIfExists(file))?.trim()
  const { columns, rows } = sizeOf(stdout)
  if (name !== undefined && name !== '') await execute('stty', ['-F', name, 'columns', `${columns}`, 'rows', `${rows}`])
}

const sizeOf = ({ columns = 80, rows = 24 }: OutputStream) => ({ columns, rows })
