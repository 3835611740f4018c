/** What all parts of this driver share: places, clock, what the machine allows. */
import type { Clock } from '../../../ports/clock.ts'
import type { Cgroups } from './cgroups.ts'
import type { Fifos } from './fifos.ts'

export interface Host {
  /** Folder of all units, groups and sandboxes. */
  units: string
  /** Folder of the archived logs of removed units. */
  archive: string
  clock: Clock
  /** Seconds before each next start of an app that ended, and how long it must run to start over with the first. */
  restart: { delays: readonly number[]; stableMs: number }
  logs: LogLimits
  cgroups: Cgroups
  programs: { setsid: string; setpriv?: string; env: string }
  fifos: Fifos
  /** A crash test ends the agent here. */
  fault(point: string): Promise<void>
  log(message: string): void
  /** Secrets in what an app printed. */
  hide(text: string, app: string): string
  /** In the lines of one log, in order. */
  hideLines(app: string): (line: string) => string
}

export interface LogLimits {
  /** The live file is cut into a compressed segment when it grew by this. */
  segmentBytes: number
  /** Compressed segments of one unit on disk, and the age of the oldest. */
  keepBytes: number
  keepMs: number
  /** Archives of one environment's removed units on disk, all together; they are as old as `keepMs` at most. */
  archiveBytes: number
}
