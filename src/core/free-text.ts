/**
 * Which strings may hold what an app, a tool or a person wrote, and so a secret: messages, hints, lines of logs and the like. Everything
 * else that fettle says (names, ids, states, numbers, keys) is its own, and stays as it is whatever value a secret has.
 */
import type { ErrorJson } from './errors.ts'
import type { Json } from './json.ts'

/** Without the app that a text is about, what is a secret of any app is hidden; else a word that is one only where it is that app's. */
export type Hide = (text: string, app?: string) => string

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

/** For JSON.stringify, on what is shown to people and programs outside. What names an app is about that one, with all that is in it. */
export function hidingReplacer(hide: Hide): (this: object, key: string, value: unknown) => unknown {
  const apps = new WeakMap<object, string>()
  return function (key, value) {
    const app = apps.get(this)
    const hideHere: Hide = text => hide(text, app)
    // What a step is given has commands of the file in it.
    const shown =
      key === 'context' || key === 'input' ? hideInContext(value, hideHere) : FREE_TEXT.has(key) ? hideInTexts(value, hideHere) : value
    const about = typeof shown === 'object' && shown !== null ? (appOf(shown) ?? app) : undefined
    if (about !== undefined) apps.set(shown as object, about)
    return shown
  }
}

function hideInTexts(value: unknown, hide: Hide): unknown {
  if (typeof value === 'string') return hide(value)
  return Array.isArray(value) ? value.map(item => (typeof item === 'string' ? hide(item) : item)) : value
}

/** Of an environment or a plan itself, of an operation, a line of a log, an error. */
function appOf(value: { app?: unknown; plan?: unknown; labels?: unknown; context?: unknown }): string | undefined {
  for (const named of [value, value.plan, value.labels, value.context])
    if (typeof named === 'object' && named !== null && 'app' in named && typeof named.app === 'string') return named.app
  return undefined
}
