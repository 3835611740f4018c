/**
 * Which strings may hold what an app, a tool or a person wrote, and so a secret: messages, hints, lines of logs and the like. Everything
 * else that fettle says (names, ids, states, numbers, keys) is its own, and stays as it is whatever value a secret has.
 */
import type { ErrorJson } from './errors.ts'
import type { Json } from './json.ts'

export type Hide = (text: string) => string

const FREE_TEXT: ReadonlySet<string> = new Set([
  'argv',
  'breach',
  'confirm',
  'failed',
  'failure',
  'hint',
  'label',
  'message',
  'note',
  'tail',
  'text',
  'title',
  'why',
])

/** In the context of an error, which is free otherwise. */
const IDENTIFIERS: ReadonlySet<string> = new Set([
  'app',
  'code',
  'environment',
  'isolation',
  'operation',
  'release',
  'service',
  'state',
  'step',
  'unit',
])

export const hideInError = (error: ErrorJson, hide: Hide): ErrorJson => ({
  ...error,
  message: hide(error.message),
  ...(error.hint === undefined ? {} : { hint: hide(error.hint) }),
  ...(error.context === undefined ? {} : { context: hideInContext(error.context, hide) as Record<string, unknown> }),
})

/** All strings of it but identifiers. What is no plain JSON (a date, a secret) becomes what it is in JSON. */
function hideInContext(context: unknown, hide: Hide): unknown {
  const text = JSON.stringify(context, (key, value: unknown) => (typeof value === 'string' && !IDENTIFIERS.has(key) ? hide(value) : value))
  return text === undefined ? undefined : JSON.parse(text)
}

/** Of what a step puts out only its own texts: what is deeper has names that a file chose, and later steps work with it. */
export function hideInOutput(output: Json, hide: Hide): Json {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return output
  return Object.fromEntries(
    Object.entries(output).map(([key, value]) => [key, typeof value === 'string' && FREE_TEXT.has(key) ? hide(value) : value]),
  )
}

/** For JSON.stringify, on what is shown to people and programs outside. */
export const hidingReplacer =
  (hide: Hide) =>
  (key: string, value: unknown): unknown => {
    if (key === 'context') return hideInContext(value, hide)
    if (!FREE_TEXT.has(key)) return value
    if (typeof value === 'string') return hide(value)
    return Array.isArray(value) ? value.map(item => (typeof item === 'string' ? hide(item) : item)) : value
  }
