/** The scalars of the file: `30s`, `256M`, `5%`, identifiers. Each parses text into a plain number and says what it expected. */

import * as z from 'zod'
import { MOST_COUNTED } from '../limits.ts'
import { IDENTIFIER } from '../names.ts'

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
const BYTE_UNITS = {
  '': 1,
  B: 1,
  kB: 1000,
  K: 1024,
  k: 1024,
  KiB: 1024,
  M: 1024 ** 2,
  MB: 1000 ** 2,
  MiB: 1024 ** 2,
  G: 1024 ** 3,
  GB: 1000 ** 3,
  GiB: 1024 ** 3,
} as const

const DURATION = /^(\d+(\.\d+)?(ms|[smhdw]))+$/
const BYTES = /^\d+(\.\d+)? ?(B|kB|K|k|KiB|M|MB|MiB|G|GB|GiB)?$/
const PERCENT = /^(100(\.0+)?|\d{1,2}(\.\d+)?)%$/
/** Ten years: more is a slip of the pen, and timers of the platform end far below. */
const LONGEST_MS = 3660 * DURATION_UNITS.d

/** `1h30m`, `250ms` → milliseconds; undefined when it is no duration or longer than ten years. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g))
    total += Number(amount) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS]
  return total <= LONGEST_MS ? Math.round(total) : undefined
}

/** `256M`, `2kB` → bytes; undefined when it is no size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text)
  if (match === null || !Object.hasOwn(BYTE_UNITS, match[2] ?? '')) return undefined
  const size = Math.round(Number(match[1]) * BYTE_UNITS[(match[2] ?? '') as keyof typeof BYTE_UNITS])
  return Number.isSafeInteger(size) ? size : undefined
}

/** Title and pattern are for editors and the reference page, which see the JSON Schema; `parse` decides. */
function parsed(title: string, pattern: RegExp, parse: (text: string) => number | undefined, expected: string) {
  return z
    .string({ error: expected })
    .regex(pattern, expected)
    .meta({ title })
    .transform((text, context) => {
      const value = parse(text)
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
}

export const durationMs = parsed('duration', DURATION, parseDuration, 'expected a duration of at most ten years, such as 30s or 1h30m')
/** A time limit: nothing can be done within 0s. */
export const timeoutMs = parsed(
  'duration',
  /^(?!0+(\.0+)?(ms|[smhdw])$)(\d+(\.\d+)?(ms|[smhdw]))+$/,
  text => parseDuration(text) || undefined,
  'expected a duration above 0 and of at most ten years, such as 30s or 1h30m',
)
export const bytes = z.union([z.number().int().nonnegative(), parsed('size', BYTES, parseBytes, 'expected a size, such as 256M or 2kB')])
/** What other runtimes take as the least, too. In fewer bytes nothing starts, and what is meant is mostly another unit. */
const LEAST_MEMORY_BYTES = 6 * BYTE_UNITS.MB
export const memoryBytes = bytes.refine(
  size => size >= LEAST_MEMORY_BYTES,
  'expected at least 6MB: with less no program starts; 128M to 512M is usual for a small web service',
)
export const percent = parsed('percentage', PERCENT, text => Number(text.slice(0, -1)) / 100, 'expected a percentage, such as 5%')
/** With one lower bound: zod keeps each that is set, and tells all that do not hold. */
export const countFrom = (least: number) => z.number().int().min(least).max(MOST_COUNTED)
export const count = countFrom(0)
/** Looked up in a map that lacks it, such a name is found all the same. */
const INHERITED = Object.getOwnPropertyNames(Object.prototype).join('|')
const OWN_NAME = new RegExp(`^(?!(${INHERITED})$)`)
const EXPECTED_OWN = 'expected another name: this one is part of every object in JavaScript'
export const identifier = z
  .string()
  .regex(IDENTIFIER, 'expected a name of lower-case letters, digits and -, starting with a letter, at most 40 long')
  .regex(OWN_NAME, EXPECTED_OWN)
/** As POSIX has it. */
export const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'expected a name of letters, digits and _, not starting with a digit')
  .regex(OWN_NAME, EXPECTED_OWN)
/** What the system takes as an argument, a variable or a path: there a NUL ends it. */
export const systemText = z.string().regex(/^[^\0]*$/, 'expected text without NUL bytes')
/** A command line for `sh -c`. */
export const commandLine = systemText.min(1)
