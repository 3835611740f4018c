/** Short helper programs (mkfifo, fallocate, unshare), run from argv, never through a shell. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'

export interface Executed {
  /** 127 when it could not be started, 124 when it took too long. */
  code: number
  stdout: string
  stderr: string
}

export function execute(
  file: string,
  args: readonly string[],
  options: { cwd?: string; timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<Executed> {
  const { cwd, timeoutMs = 10_000, signal } = options
  return new Promise(resolve => {
    execFile(file, args, { cwd, timeout: timeoutMs, killSignal: 'SIGKILL', signal, maxBuffer: 1 << 20 }, (error, stdout, stderr) => {
      if (error === null) return resolve({ code: 0, stdout, stderr })
      const code = typeof error.code === 'number' ? error.code : error.killed === true ? 124 : 127
      resolve({ code, stdout, stderr: stderr || error.message })
    })
  })
}

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin']

/** Absolute path of a system program: an app's own PATH may lead elsewhere. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map(folder => join(folder, name)).find(path => existsSync(path))
}

export function requireProgram(name: string): string {
  const path = findProgram(name)
  if (path !== undefined) return path
  throw new FettleError('UNSUPPORTED', `the program ${name} is in none of ${FOLDERS.join(', ')}`, {
    hint: 'On Debian it comes with util-linux and coreutils: `apt install util-linux coreutils`.',
  })
}
