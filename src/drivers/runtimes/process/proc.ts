/** What /proc tells of processes. Synchronous: procfs is memory, and an answer must not be older than the act that follows it. */
import { readFileSync } from 'node:fs'
import { allPids, linkIfThere, readIfThere } from '../../../lib/proc-files.ts'

export const readBootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

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

/** Processes whose environment holds exactly this `NAME=value`. One that cleared its own environment is not found. */
export function pidsByEnvironment(entry: string): number[] {
  const wanted = Buffer.from(`\0${entry}\0`)
  return allPids().filter(pid => {
    const environ = readIfThere(`/proc/${pid}/environ`)
    return environ !== undefined && Buffer.concat([Buffer.from('\0'), environ]).includes(wanted)
  })
}

/** Processes in the same namespace (`net`, `mnt`) as `pid`. */
export function pidsByNamespace(pid: number, kind: string): number[] {
  const namespace = (other: number | string) => linkIfThere(`/proc/${other}/ns/${kind}`)
  const wanted = namespace(pid)
  return wanted === undefined || wanted === namespace('self') ? [] : allPids().filter(other => namespace(other) === wanted)
}

/** Proportional set size: shared pages count once over all processes that share them. */
export function proportionalBytes(pids: readonly number[]): number {
  const sizes = pids.map(pid => /^Pss:\s+(\d+)/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`)?.toString() ?? '')?.[1] ?? 0)
  return sizes.reduce((sum: number, kib) => sum + Number(kib) * 1024, 0)
}
