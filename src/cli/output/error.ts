/** How a failure is told: what was tried and what happened, what shows it, what to do next. */
import type { ErrorJson } from '../../core/errors.ts'
import type { Style } from './style.ts'
import { printable } from './width.ts'

export function errorLines(error: ErrorJson, style: Style): string[] {
  const [first = '', ...rest] = printable(error.message).split('\n')
  return [
    `${style.red('✗')} ${style.bold(first)}`,
    ...rest.map(line => `  ${line}`),
    ...details(error, style),
    ...(error.hint === undefined ? [] : [`${style.cyan('→')} ${printable(error.hint)}`]),
  ]
}

/** What a context holds for people: the last lines of a log, an excerpt. */
function details(error: ErrorJson, style: Style): string[] {
  const { log, tail } = error.context ?? {}
  const text = Array.isArray(log) ? log.join('\n') : typeof tail === 'string' ? tail : ''
  const lines = printable(text.trimEnd()).split('\n')
  if (lines.every(line => error.message.includes(line))) return [] // nothing that was not said
  return lines.slice(-20).map(line => style.dim(`  │ ${line}`))
}
