/**
 * Where a crash test ends the agent: every named point of every step passes here. With FETTLE_CRASH_LOG the points are written down;
 * with FETTLE_CRASH_AT=name the agent kills itself there, without a farewell. Without either it costs nothing.
 */
import { appendFileSync } from 'node:fs'

export interface Faults {
  /** `deploy/migrate:before`; the n-th passing of the same name is `…#n`. */
  reach(point: string): Promise<void>
}

export function faultsFrom(env: NodeJS.ProcessEnv): Faults {
  const { FETTLE_CRASH_AT: crashAt, FETTLE_CRASH_LOG: log } = env
  const seen = new Map<string, number>()
  return {
    async reach(point) {
      if (crashAt === undefined && log === undefined) return
      const count = (seen.get(point) ?? 0) + 1
      seen.set(point, count)
      const name = count === 1 ? point : `${point}#${count}`
      if (log !== undefined) appendFileSync(log, `${name}\n`)
      if (name !== crashAt) return
      process.kill(process.pid, 'SIGKILL')
      await new Promise(() => {})
    },
  }
}
