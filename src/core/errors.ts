/**
 * Every failure that fettle reports is a FettleError: what was tried, on what, what happened, and what the operator can do next.
 * One table maps a code to the exit code of the command line and the status of the API; nothing ever matches on message text.
 */

/** exit: process exit code of the CLI; http: status of the API; retryable: default for errors born with this code; means: for the documentation. */
const TABLE = {
  USAGE: { exit: 2, http: 400, retryable: false, means: 'the command line can not be understood' },
  SPEC_INVALID: { exit: 2, http: 422, retryable: false, means: 'fettle.yaml has problems' },
  NOT_FOUND: { exit: 3, http: 404, retryable: false, means: 'what was named does not exist' },
  CONFLICT: { exit: 4, http: 409, retryable: false, means: 'the world moved since the plan was made' },
  BUSY: { exit: 4, http: 409, retryable: true, means: 'another operation holds the environment' },
  REFUSED: { exit: 5, http: 409, retryable: false, means: 'fettle declines and says why; what serves is untouched' },
  NOT_READY: { exit: 6, http: 503, retryable: false, means: 'a service did not become ready' },
  COMMAND_FAILED: {
    exit: 6,
    http: 500,
    retryable: false,
    means: 'a build, migration, job or hook ended with a status other than 0, or not in its time',
  },
  TEST_FAILED: { exit: 6, http: 500, retryable: false, means: 'a smoke test or an expectation did not hold' },
  DIFFERENT: { exit: 7, http: 500, retryable: false, means: 'restored content does not equal what was backed up' },
  DAMAGED: { exit: 7, http: 500, retryable: false, means: 'bytes at rest are not the bytes that were written' },
  DISK_FULL: { exit: 8, http: 507, retryable: true, means: 'no space is left' },
  READ_ONLY: { exit: 8, http: 500, retryable: false, means: 'a folder that must be writable is not' },
  PORT_IN_USE: { exit: 8, http: 500, retryable: true, means: 'somebody else listens on the port' },
  TIMEOUT: { exit: 9, http: 504, retryable: true, means: 'it took longer than allowed' },
  CANCELLED: { exit: 10, http: 499, retryable: false, means: 'cancelled: nothing was begun, or the operation was undone' },
  HELD: { exit: 11, http: 500, retryable: false, means: 'it can be neither finished nor undone by fettle alone' },
  LOST: { exit: 11, http: 500, retryable: false, means: 'the result of a command is unknown: the machine went down in it' },
  SECRET_MISSING: { exit: 12, http: 409, retryable: false, means: 'a secret that is needed was never set' },
  SECRET_LOCKED: { exit: 12, http: 500, retryable: false, means: 'the key does not open the secrets' },
  UNSUPPORTED: { exit: 13, http: 501, retryable: false, means: 'this machine or driver lacks a capability' },
  AGENT_UNREACHABLE: { exit: 14, http: 503, retryable: true, means: 'no agent answers' },
  VERSION: { exit: 15, http: 500, retryable: false, means: 'a file or journal was written by a newer fettle' },
  INTERNAL: { exit: 70, http: 500, retryable: false, means: 'a mistake in fettle itself' },
} as const satisfies Record<string, { exit: number; http: number; retryable: boolean; means: string }>

/** What to do about a full disk. */
export const FREE_SPACE = 'Free some space (`fettle doctor` shows what fettle uses) and run the command again.'

export type ErrorCode = keyof typeof TABLE

export interface ErrorDetails {
  /** What the operator can do, naming the exact command. */
  hint?: string
  /** Plain JSON for machines. Never a secret. */
  context?: Record<string, unknown>
  retryable?: boolean
  cause?: unknown
}

/** The form of an error in `--json`, in the API and in the journal. */
export interface ErrorJson {
  code: ErrorCode
  message: string
  hint?: string
  context?: Record<string, unknown>
  retryable: boolean
}

export class FettleError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly context: Record<string, unknown> | undefined
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'FettleError'
    this.code = code
    this.hint = details.hint
    this.context = details.context
    this.retryable = details.retryable ?? TABLE[code].retryable
  }

  toJSON(): ErrorJson {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.context === undefined ? {} : { context: this.context }),
      retryable: this.retryable,
    }
  }

  static fromJSON(json: ErrorJson): FettleError {
    return new FettleError(json.code, json.message, json)
  }
}

export const errorCodes = Object.keys(TABLE) as ErrorCode[]
export const exitCodeOf = (code: ErrorCode): number => TABLE[code].exit
export const httpStatusOf = (code: ErrorCode): number => TABLE[code].http
export const meaningOf = (code: ErrorCode): string => TABLE[code].means

/** Anything thrown, as a FettleError: the system's own errors get the code that fits, everything else is INTERNAL. */
export function toFettleError(thrown: unknown, tried?: string): FettleError {
  if (thrown instanceof FettleError) return thrown
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const system = error as NodeJS.ErrnoException
  const message = tried === undefined ? error.message : `${tried}: ${error.message}`
  if (error.name === 'AbortError') return new FettleError('CANCELLED', message, { cause: error })
  switch (system.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new FettleError('DISK_FULL', message, {
        cause: error,
        hint: FREE_SPACE,
      })
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new FettleError('READ_ONLY', message, { cause: error, hint: `Make ${system.path ?? 'the folder'} writable for this user.` })
    case 'EADDRINUSE':
      return new FettleError('PORT_IN_USE', message, { cause: error })
    case 'ENOENT':
      return new FettleError('NOT_FOUND', message, { cause: error })
    default:
      return new FettleError('INTERNAL', message, { cause: error })
  }
}
