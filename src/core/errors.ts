/**
 * Every failure that fettle reports is a FettleError: what was tried, on what, what happened, and what the operator can do next.
 * One table maps a code to the exit code of the command line and the status of the API; nothing ever matches on message text.
 */

/** exit: process exit code of the CLI; http: status of the API; retryable: default for errors born with this code. */
const TABLE = {
  USAGE: { exit: 2, http: 400, retryable: false }, // the command line itself
  SPEC_INVALID: { exit: 2, http: 422, retryable: false }, // fettle.yaml: the context holds the problems
  NOT_FOUND: { exit: 3, http: 404, retryable: false },
  CONFLICT: { exit: 4, http: 409, retryable: false }, // the world moved since the plan was made
  BUSY: { exit: 4, http: 409, retryable: true }, // another operation holds the environment
  REFUSED: { exit: 5, http: 409, retryable: false }, // fettle declines: a gate failed, production is untouched
  NOT_READY: { exit: 6, http: 503, retryable: false }, // a service did not become ready
  COMMAND_FAILED: { exit: 6, http: 500, retryable: false }, // build, migrate, job, hook: exit status other than 0
  TEST_FAILED: { exit: 6, http: 500, retryable: false }, // a smoke test or an expectation
  DIFFERENT: { exit: 7, http: 500, retryable: false }, // restored content does not equal what was backed up
  DAMAGED: { exit: 7, http: 500, retryable: false }, // bytes at rest are not the bytes that were written
  DISK_FULL: { exit: 8, http: 507, retryable: true },
  READ_ONLY: { exit: 8, http: 500, retryable: false }, // a folder that must be writable is not
  PORT_IN_USE: { exit: 8, http: 500, retryable: true },
  TIMEOUT: { exit: 9, http: 504, retryable: true },
  CANCELLED: { exit: 10, http: 499, retryable: false },
  HELD: { exit: 11, http: 500, retryable: false }, // can be neither finished nor undone by fettle alone
  LOST: { exit: 11, http: 500, retryable: false }, // a command's result is unknown (the machine went down in it)
  SECRET_MISSING: { exit: 12, http: 409, retryable: false },
  SECRET_LOCKED: { exit: 12, http: 500, retryable: false }, // the key does not open it
  UNSUPPORTED: { exit: 13, http: 501, retryable: false }, // this machine or driver lacks a capability
  AGENT_UNREACHABLE: { exit: 14, http: 503, retryable: true },
  VERSION: { exit: 15, http: 500, retryable: false }, // a file or journal written by a newer fettle
  INTERNAL: { exit: 70, http: 500, retryable: false }, // a bug of ours
} as const satisfies Record<string, { exit: number; http: number; retryable: boolean }>

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
        hint: 'Free some space (`fettle doctor` shows what fettle uses) and run the command again.',
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
