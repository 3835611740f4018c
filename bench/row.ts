/** One line of the table of `npm run bench`: what was measured, and what was aimed at. */
export interface Row {
  what: string
  figure: string
  target: string
  /** Figure by target; below 1 is better than aimed at, whichever way the target points. */
  ratio: string
  verdict: 'ok' | 'miss' | '–' | `${'skipped' | 'failed'}: ${string}`
}

const numberOf = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(2))))
const judged = (what: string, figure: string, target: string, ratio: number): Row => ({
  what,
  figure,
  target,
  ratio: ratio.toFixed(2),
  verdict: ratio <= 1 ? 'ok' : 'miss',
})

export const atMost = (what: string, value: number, target: number, unit: string): Row =>
  judged(what, `${numberOf(value)} ${unit}`, `≤ ${numberOf(target)} ${unit}`, value / target)

export const atLeast = (what: string, value: number, target: number, unit: string): Row =>
  judged(what, `${numberOf(value)} ${unit}`, `≥ ${numberOf(target)} ${unit}`, target / value)

export const none = (what: string, count: number, of: number): Row =>
  judged(what, `${count} of ${of.toLocaleString('en')}`, '0', count === 0 ? 0 : Number.POSITIVE_INFINITY)

/** To compare with; nothing is aimed at. */
export const shown = (what: string, figure: string): Row => ({ what, figure, target: '–', ratio: '–', verdict: '–' })

export const skipped = (what: string, reason: string): Row => ({ ...shown(what, '–'), verdict: `skipped: ${reason}` })

/** The bench itself did not come to its end. */
export const failed = (what: string, { message }: Error): Row => ({ ...shown(what, '–'), verdict: `failed: ${message.split('\n')[0]}` })

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
