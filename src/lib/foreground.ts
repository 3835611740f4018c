/** A program in the foreground: it has our terminal, and ends before we do. */
import { spawn } from 'node:child_process'
import type { EventEmitter } from 'node:events'

export interface ForegroundOptions {
  env: NodeJS.ProcessEnv
  /** Where our own signals are heard; default: this process. */
  signals?: EventEmitter | undefined
}

/**
 * Runs argv on our stdin, stdout and stderr and passes SIGTERM and SIGHUP on to it.
 * @returns its exit status; 143 when SIGTERM ended it, 1 for another signal
 * @throws the system's error when it can not be started
 */
export async function runInForeground(
  argv: readonly [string, ...string[]],
  { env, signals = process }: ForegroundOptions,
): Promise<number> {
  const [program, ...args] = argv
  const child = spawn(program, args, { stdio: 'inherit', env })
  const forward = (signal: NodeJS.Signals) => () => void child.kill(signal)
  // At a terminal Ctrl-C reaches it by itself; the listener keeps us alive until it ended.
  const listeners = { SIGINT: () => {}, SIGTERM: forward('SIGTERM'), SIGHUP: forward('SIGHUP') }
  for (const [signal, listener] of Object.entries(listeners)) signals.on(signal, listener)
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', reject).on('exit', (code, signal) => resolve(code ?? (signal === 'SIGTERM' ? 143 : 1)))
    })
  } finally {
    for (const [signal, listener] of Object.entries(listeners)) signals.off(signal, listener)
  }
}
