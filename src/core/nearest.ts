import { distance } from 'fastest-levenshtein'

/** The name that was probably meant: at most a third of the letters differ, or one is the beginning of the other. */
export function nearestName(written: string, names: Iterable<string>): string | undefined {
  // Beyond any name of ours; the distance is quadratic in the length.
  if (written.length === 0 || written.length > 60) return undefined
  const text = written.toLowerCase()
  const mostChanges = Math.max(1, Math.floor(text.length / 3))
  let best: string | undefined
  let fewest = mostChanges + 1
  for (const name of names) {
    const changes = changesBetween(text, name.toLowerCase(), mostChanges)
    if (changes < fewest) [best, fewest] = [name, changes]
  }
  return best
}

function changesBetween(text: string, name: string, most: number): number {
  if (text === name) return 0
  const isBeginning = Math.min(text.length, name.length) >= 3 && (name.startsWith(text) || text.startsWith(name))
  if (isBeginning) return 1
  if (Math.abs(text.length - name.length) > most) return Number.POSITIVE_INFINITY
  // Letters in the wrong order are the commonest slip, and two changes to the plain distance.
  return text.length === name.length && sorted(text) === sorted(name) ? 1 : distance(text, name)
}

const sorted = (text: string): string => [...text].sort().join('')
