/** Figures as people read them, the same in the terminal, the dashboard and messages. */

/** `2.4 ms`, `37 ms`, `0.4 s`, `12.3 s`, `2 min 3 s`, `1 h 5 min`, `3 d 4 h`: at most two units. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return 'unknown'
  if (ms < 0) return `-${formatDuration(-ms)}`
  if (ms < 99.5) return `${shortest(ms)} ms`
  if (ms < 59_950) return `${shortest(ms / 1000, 1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return twoUnits(seconds, 60, 'min', 's')
  const minutes = Math.round(seconds / 60)
  if (minutes < 1440) return twoUnits(minutes, 60, 'h', 'min')
  return twoUnits(Math.round(minutes / 60), 24, 'd', 'h')
}

function twoUnits(amount: number, size: number, large: string, small: string): string {
  const rest = amount % size
  return `${Math.floor(amount / size)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

/** `812 B`, `1.5 KiB`, `502 MiB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return 'unknown'
  if (bytes < 0) return `-${formatBytes(-bytes)}`
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let amount = bytes
  // 1023.5 would be shown as 1024 of the smaller unit.
  while (amount >= 1023.5 && units.length > 1) {
    amount /= 1024
    units.shift()
  }
  return `${shortest(amount)} ${units[0]}`
}

/** `8,200,000`. */
export const formatCount = (count: number): string => String(count).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',')

/** `1 request`, `8,979 requests`, `0 proxies`. */
export const plural = (count: number, one: string, many = `${one}s`): string => `${formatCount(count)} ${count === 1 ? one : many}`

/** One decimal only where it says something; never a `.0`. */
const shortest = (amount: number, decimals = amount < 9.95 ? 1 : 0): string => amount.toFixed(decimals).replace(/\.0$/, '')
