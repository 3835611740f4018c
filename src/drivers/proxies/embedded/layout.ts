/** What lies in `<home>/front`, and who writes it. */

/** The agent: where the front listens, and its settings. */
export const SETTINGS = 'listen.json'
/** The agent: argv of the program that the shim starts, a word a line. */
export const PROGRAM = 'program'
/** The agent: the shim's text. */
export const SHIM = 'shim.sh'
/** The shim: its own pid. */
export const PID = 'pid'
/** The shim: pid and status of the last front that ended unasked. */
export const ENDED = 'ended'
/** The shim and the front. */
export const LOG = 'log'
/** The front: tables/<app>/<environment>.json. */
export const TABLES = 'tables'
/** The front. */
export const COUNTERS = 'counters.json'
/** The front listens here for the agent. */
export const CONTROL_SOCKET = 'control.sock'

/** Where the shim and the front find the public listener. */
export const LISTENER_FD = 3

export interface Listen {
  format: 1
  host: string
  /** As asked for at first, 0 for any; then what was given, to be asked for again. */
  port: number
  /** Addresses and networks of proxies in front of this one. */
  trust?: string[]
  /** How long a request waits for an instance that restarts; 10 s unless told. */
  restartWaitMs?: number
}
