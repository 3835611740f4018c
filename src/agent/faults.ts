/**
 * Where a crash test ends the agent: every named point of every operation and driver passes here. Under FETTLE_CRASH=folder the points
 * are written down in the folder's `log`, and the agent kills itself, without a farewell, at the one that its file `at` names, or that
 * comes as the third when it says `+3`: so one agent serves many tests. Without it this costs nothing.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Faults {
  /** `deploy/migrate:before`; the n-th passing of the same name is `…#n`, counted over all agents since the log was emptied. */
  reach(point: string): Promise<void>
}

export function faultsFrom({ FETTLE_CRASH: folder }: NodeJS.ProcessEnv): Faults {
  if (folder === undefined) return { reach: async () => {} }
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  return {
    async reach(point) {
      const passed = read('log').split('\n').slice(0, -1)
      const count = 1 + passed.filter(line => line.split('#', 1)[0] === point).length
      const name = count === 1 ? point : `${point}#${count}`
      appendFileSync(join(folder, 'log'), `${name}\n`)
      if (![name, `+${passed.length + 1}`].includes(read('at'))) return
      process.kill(process.pid, 'SIGKILL')
      await new Promise(() => {})
    },
  }
}
