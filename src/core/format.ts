/** Numbers as people read them. */

const DURATIONS = [
  { ms: 86_400_000, unit: 'd' },
  { ms: 3_600_000, unit: 'h' },
  { ms: 60_000, unit: 'min' },
] as const

/** `340 ms`, `8.2 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const [big, small] =
    ms >= 86_400_000
      ? [DURATIONS[0], DURATIONS[1]]
      : ms >= 3_600_000
        ? [DURATIONS[1], DURATIONS[2]]
        : [DURATIONS[2], { ms: 1000, unit: 's' }]
  const total = Math.round(ms / small.ms)
  const perBig = big.ms / small.ms
  const rest = total % perBig
  return rest === 0 ? `${total / perBig} ${big.unit}` : `${Math.floor(total / perBig)} ${big.unit} ${rest} ${small.unit}`
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `512 B`, `1.5 KiB`, `256 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1023.95 && unit < BYTES.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : Number(value.toFixed(1))} ${BYTES[unit]}`
}

/** `1,234,567`. */
export const formatCount = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')

/** `1 row`, `2,000 rows`. */
export const plural = (count: number, one: string, many = `${one}s`): string => `${formatCount(count)} ${count === 1 ? one : many}`
