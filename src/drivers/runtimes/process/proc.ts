/** What /proc tells of processes. Mostly synchronous: procfs is memory, and an answer must not be older than the act that follows it. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { allPids, isGone, readIfThere } from '../../../lib/proc-files.ts'

export interface ProcessStat {
  /** One letter; Z and X are dead. */
  state: string
  /** Clock ticks (1/100 s) after boot: with the pid it names a process for good. */
  startTicks: number
}

export function processStat(pid: number): ProcessStat | undefined {
  const text = readIfThere(`/proc/${pid}/stat`)?.toString('latin1')
  if (text === undefined) return undefined
  // The name in parentheses may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTicks: Number(fields[19]) }
}

export function isAlive(pid: number, startTicks: number): boolean {
  const stat = processStat(pid)
  return stat !== undefined && stat.startTicks === startTicks && !'ZX'.includes(stat.state)
}

export const ticksSinceBoot = (): number => Number(readFileSync('/proc/uptime', 'utf8').split(' ', 1)[0]) * 100

/** All processes by what a variable of their environment says, from one look: for many questions at once. */
export function pidsByVariable(name: string): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const pid of allPids()) {
    const environ = `\0${readIfThere(`/proc/${pid}/environ`)?.toString() ?? ''}`
    const start = environ.indexOf(`\0${name}=`)
    if (start === -1) continue
    const from = start + name.length + 2
    const value = environ.slice(from, environ.indexOf('\0', from))
    found.set(value, [...(found.get(value) ?? []), pid])
  }
  return found
}

/** Resident set size, in which pages that processes share count for each: never less than the proportional one, and cheap. */
export const residentBytes = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + kibibytes('VmRSS', readIfThere(`/proc/${pid}/status`)?.toString()), 0)

/** Proportional set size: shared pages count once over all processes that share them. Takes the kernel a millisecond a process. */
export const proportionalBytes = (pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + kibibytes('Pss', readIfThere(rollup(pid))?.toString()), 0)

/** The same, beside the event loop. */
export async function proportionalBytesAside(pids: readonly number[]): Promise<number> {
  const texts = await Promise.all(pids.map(pid => readFile(rollup(pid), 'utf8').catch(undefinedWhenGone)))
  return texts.reduce((sum, text) => sum + kibibytes('Pss', text), 0)
}

const rollup = (pid: number): string => `/proc/${pid}/smaps_rollup`

/** In bytes, of a line such as `Pss:   123 kB`. */
const kibibytes = (name: string, text = ''): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024

function undefinedWhenGone(error: unknown): undefined {
  if (!isGone(error)) throw error
}
