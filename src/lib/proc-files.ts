/** Files of /proc, which go with their process. Synchronous: procfs is memory, and an answer must not be older than the act that follows it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export const allPids = (): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)

export const readBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** The process ended in between, or belongs to somebody else: either way it is none of ours. */
export const isGone = (error: unknown): boolean =>
  ['ENOENT', 'ENODEV', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')

export function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

export function linkIfThere(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Of all processes; where there is no /proc, of none. */
export const commandLines = (): { pid: number; words: string[] }[] =>
  namesIn('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => ({ pid: Number(pid), words: (readIfThere(`/proc/${pid}/cmdline`)?.toString() ?? '').split('\0') }))

/** Processes whose environment holds exactly this `NAME=value`. One that cleared its own environment is not found. */
export function pidsByEnvironment(entry: string): number[] {
  const wanted = Buffer.from(`\0${entry}\0`)
  return allPids().filter(pid => {
    const environ = readIfThere(`/proc/${pid}/environ`)
    return environ !== undefined && Buffer.concat([Buffer.from('\0'), environ]).includes(wanted)
  })
}

/** A process and what it started, as far as that stayed below it. */
export function* descendants(pid: number): Generator<number> {
  yield pid
  for (const task of namesIn(`/proc/${pid}/task`)) {
    const children = readIfThere(`/proc/${pid}/task/${task}/children`)?.toString() ?? ''
    for (const child of children.split(' ').filter(Boolean)) yield* descendants(Number(child))
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}
