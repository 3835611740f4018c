/** Programs that outlive whoever starts them. */
import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'

export interface DetachedOptions {
  cwd: string
  env: NodeJS.ProcessEnv
  /** File to which it appends what it prints, made with mode 0600. */
  log: string
}

/**
 * Runs argv in a session of its own, without a terminal, and does not wait for its end.
 * @returns an object that gets `code` when the program ends while this process still runs: 128 after a signal
 * @throws the system's error when it can not be started
 */
export async function startDetached(argv: readonly [string, ...string[]], { cwd, env, log }: DetachedOptions): Promise<{ code?: number }> {
  const [program, ...args] = argv
  const output = await open(log, 'a', 0o600)
  const ended: { code?: number } = {}
  try {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', output.fd, output.fd] })
    child.on('exit', (code, signal) => {
      ended.code = code ?? (signal === null ? 1 : 128)
    })
    await new Promise<void>((resolve, reject) => child.on('spawn', resolve).on('error', reject))
    child.unref()
  } finally {
    await output.close()
  }
  return ended
}
