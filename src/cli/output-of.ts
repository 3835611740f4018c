/** What the commands of an operation say (build, migration, `fettle run`), line by line while it runs. */
import type { LogLine } from '../ports/runtime.ts'
import type { Cli } from './cli.ts'
import { lasting } from './watch.ts'

export interface OutputReader {
  /** Reads what was said until now and stops. */
  finish(): Promise<void>
  stop(): void
}

/** An operation's own output never decides anything: where it can not be read, the operation is followed without it. */
export function readOutput(cli: Cli, operation: string, onLine: (line: LogLine) => void): OutputReader {
  const stop = new AbortController()
  let cursor: string | undefined
  const read = (follow: boolean, signal: AbortSignal): Promise<void> =>
    lasting(cli, signal, async client => {
      const from = cursor === undefined ? { lines: 1_000_000 } : { cursor }
      for await (const line of client.stream('logs', { operation, follow, ...from }, signal)) {
        cursor = line.cursor
        onLine(line)
      }
      return follow ? 'again' : 'over'
    })
  const following = read(true, stop.signal).catch(() => {})
  return {
    stop: () => stop.abort(),
    async finish() {
      stop.abort()
      await following
      await read(false, AbortSignal.timeout(5000)).catch(() => {})
    },
  }
}
