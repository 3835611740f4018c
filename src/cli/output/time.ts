/** Moments as people read them: how long ago, or when today. */
const AGES = [
  { belowMs: 60_000, unitMs: 1000, unit: 's' },
  { belowMs: 3_600_000, unitMs: 60_000, unit: 'min' },
  { belowMs: 2 * 86_400_000, unitMs: 3_600_000, unit: 'h' },
  { belowMs: Number.POSITIVE_INFINITY, unitMs: 86_400_000, unit: 'days' },
]

/** `3 min ago`, `just now`. A clock that jumped shows as `just now`, never as a negative age. */
export function formatAge(at: number, now: number): string {
  const span = formatSpan(now - at)
  return span === '' ? 'just now' : `${span} ago`
}

/** The same without `ago`, in one unit: `3 min`, `5 days`; '' below two seconds. */
export function formatSpan(ms: number): string {
  if (ms < 2000) return ''
  const age = AGES.find(({ belowMs }) => ms < belowMs) ?? AGES[3]
  return age === undefined ? '' : `${Math.floor(ms / age.unitMs)} ${age.unit}`
}

/** `14:03:07.250` in local time. */
export function formatClock(at: number): string {
  const date = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** `2026-03-01 14:03` in local time. */
export function formatMoment(at: number): string {
  const date = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`
}
