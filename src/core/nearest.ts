import { distance } from 'fastest-levenshtein'

/** The name that was probably meant: at most a third of the letters differ, or one is the beginning of the other. */
export function nearestName(written: string, names: Iterable<string>): string | undefined {
  // Beyond any name of ours; the distance is quadratic in the length.
  if (written.length === 0 || written.length > 60) return undefined
  const text = written.toLowerCase()
  let best: string | undefined
  let bestScore = Math.max(1, Math.floor(text.length / 3)) + 0.5
  for (const name of names) {
    const other = name.toLowerCase()
    const isBeginning = text.length >= 3 && (other.startsWith(text) || (other.length >= 3 && text.startsWith(other)))
    // Letters in the wrong order are the commonest slip, and two changes to the plain distance.
    const isNear = isBeginning || sorted(text) === sorted(other)
    const score = isNear ? Math.min(1, distance(text, other)) : distance(text, other)
    if (score < bestScore) [best, bestScore] = [name, score]
  }
  return best
}

const sorted = (text: string): string => [...text].sort().join('')
