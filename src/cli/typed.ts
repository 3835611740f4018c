/** A command line of fettle within another one, with --json in place of a screen: what the demo types. */
import { EventEmitter } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import type { Commands } from './command.ts'
import { dispatch } from './dispatch.ts'

export interface TypedOptions {
  /** All that can be typed. */
  commands: Commands
  /** The folder in which it is typed. */
  cwd: string
  env: NodeJS.ProcessEnv
  /** Lets go of what the command follows, as Ctrl-C does. */
  signal: AbortSignal
  /** Called with every line that it prints. */
  onLine?(line: string): void
}

/** @returns the exit code, and all that was printed */
export async function runTyped(
  argv: string[],
  { commands, cwd, env, signal, onLine }: TypedOptions,
): Promise<{ code: number; output: string }> {
  const signals = new EventEmitter()
  const interrupt = (): boolean => signals.emit('SIGINT')
  const stdin = new PassThrough().end()
  const [stdout, stderr] = [collector(onLine), collector()]
  signal.addEventListener('abort', interrupt)
  try {
    const code = await dispatch([...argv, '--json'], { stdin, stdout: stdout.stream, stderr: stderr.stream, env, cwd, signals }, commands)
    return { code, output: stdout.output() }
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}

/** Every write of a command is of whole lines. */
function collector(onLine?: (line: string) => void): { stream: Writable; output(): string } {
  let output = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      output += String(chunk)
      for (const line of String(chunk).trimEnd().split('\n')) onLine?.(line)
      done()
    },
  })
  return { stream, output: () => output }
}
