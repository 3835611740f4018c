import { readFileSync, renameSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import type { Activations } from './counters.ts'

const SAVE_MS = 2_000

/** Saved every two seconds when there is something new, so a crash forgets at most that. Not fsynced: they are not worth a disk's time. */
export function keepCounters(activations: Activations, path: string, log: (line: string) => void): { stop(): Promise<void> } {
  try {
    activations.load(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') setAside(path, error as Error, log)
  }
  let saved = activations.total()
  const save = async (): Promise<void> => {
    const total = activations.total()
    if (total === saved) return
    try {
      await writeFile(`${path}.tmp`, activations.toJson())
      await rename(`${path}.tmp`, path)
      saved = total
    } catch (error) {
      log(`counters could not be saved: ${(error as Error).message}`)
    }
  }
  const timer = setInterval(() => void save(), SAVE_MS).unref()
  return {
    stop: async () => {
      clearInterval(timer)
      await save()
    },
  }
}

/** The front serves on; whoever can read it finds it there. */
function setAside(path: string, { message }: Error, log: (line: string) => void): void {
  renameSync(path, `${path}.unread`)
  log(`counting begins anew, ${path}.unread can not be read: ${message}`)
}
