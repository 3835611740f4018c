/** The scalars of the file: `30s`, `256M`, `5%`, identifiers. Each parses text into a plain number and says what it expected. */
import { z } from 'zod'

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

/** `1h30m`, `250ms` → milliseconds; undefined when it is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g))
    total += Number(amount) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS]
  return Number.isSafeInteger(Math.round(total)) && total <= 3660 * DURATION_UNITS.d ? Math.round(total) : undefined
}

/** `256M`, `2kB` → bytes; undefined when it is no size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text)
  if (match === null || !Object.hasOwn(BYTE_UNITS, match[2] ?? '')) return undefined
  const size = Math.round(Number(match[1]) * BYTE_UNITS[(match[2] ?? '') as keyof typeof BYTE_UNITS])
  return Number.isSafeInteger(size) ? size : undefined
}

function parsed(parse: (text: string) => number | undefined, expected: string, example: string) {
  return z.string({ error: `expected ${expected}, such as ${example}` }).transform((text, context) => {
    const value = parse(text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: `expected ${expected}, such as ${example}` })
    return z.NEVER
  })
}

export const durationMs = parsed(parseDuration, 'a duration', '30s or 1h30m')
export const bytes = z.union([z.number().int().nonnegative(), parsed(parseBytes, 'a size', '256M or 2kB')])
export const percent = parsed(
  text => (/^\d+(\.\d+)?%$/.test(text) && Number(text.slice(0, -1)) <= 100 ? Number(text.slice(0, -1)) / 100 : undefined),
  'a percentage',
  '5%',
)
export const count = z.number().int().min(0).max(1000)
export const identifier = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'lower-case letters, digits and -, starting with a letter, at most 40')
