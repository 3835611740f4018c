/** The exit codes, from the one table of errors: for `fettle help exit-codes` and the page in docs/. */
import { errorCodes, exitCodeOf, meaningOf } from '../core/errors.ts'
import { OWN_FAILURE } from './command.ts'
import { INTERRUPTED, UNREAD } from './interrupt.ts'

export interface ExitCode {
  exit: number
  /** Name in `--json`; empty where there is no error. */
  code: string
  means: string
}

export const exitCodes = (): ExitCode[] => [
  { exit: 0, code: '', means: 'done, or there was nothing to do, or the answer to a question was no' },
  ...errorCodes.map(code => ({ exit: exitCodeOf(code), code, means: meaningOf(code) })).sort((a, b) => a.exit - b.exit),
  {
    exit: OWN_FAILURE,
    code: '',
    means:
      '`run` and `exec` exit as their command does (128 + n after signal n); this is a failure of fettle itself there, any of the above',
  },
  { exit: 126, code: '', means: '`run` and `exec`: the program can not be executed; 127: there is no such program' },
  {
    exit: INTERRUPTED,
    code: '',
    means: 'let go by Ctrl-C, and likewise 129 and 143 by SIGHUP and SIGTERM: the operation goes on by itself',
  },
  {
    exit: UNREAD,
    code: '',
    means:
      'nobody reads what it says any more (`… | head`): the command of `run` and `exec` ends then, any other operation goes on by itself',
  },
]

export function exitCodeText(): string {
  const rows = exitCodes().map(({ exit, code, means }) => `  ${String(exit).padStart(3)}  ${code.padEnd(17)}  ${means}`)
  return ['Exit codes, and the codes of errors in --json:', '', ...rows, ''].join('\n')
}
