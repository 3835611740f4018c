/** Short helper programs, run from argv, never through a shell. */
import { execFile } from 'node:child_process'

export interface Executed {
  /** 127 when it could not be started, 124 when it took too long. */
  code: number
  stdout: string
  stderr: string
}

export interface ExecuteOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  stdin?: string
  timeoutMs?: number
  signal?: AbortSignal
}

/** Its end in any case, never a rejection. */
export function execute(file: string, args: readonly string[], options: ExecuteOptions = {}): Promise<Executed> {
  const { stdin, timeoutMs = 10_000, ...rest } = options
  return new Promise(resolve => {
    const child = execFile(
      file,
      args,
      { ...rest, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1 << 20 },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ code: 0, stdout, stderr })
        const code = typeof error.code === 'number' ? error.code : error.killed === true ? 124 : 127
        resolve({ code, stdout, stderr: stderr || error.message })
      },
    )
    child.stdin?.on('error', () => {}) // it ended without reading: its exit status says why
    child.stdin?.end(stdin ?? '')
  })
}
