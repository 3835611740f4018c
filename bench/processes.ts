/** Memory and processor time of running processes, as Linux counts them. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Memory {
  rssMb: number
  /** What several processes share is divided among them, so that it can be summed up. */
  pssMb: number
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const mb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024
  return { rssMb: mb('Rss'), pssMb: mb('Pss') }
}

/** Of all its threads. In nanoseconds, where /proc/<pid>/stat counts hundredths of a second. */
export function cpuMsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = threads.map(thread => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6
}

export const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
