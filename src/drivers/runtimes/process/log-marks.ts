/** When the bytes of a log came, from a few marks: `[offset, wall clock ms]` says that what is before the offset was there by then. */
export type Mark = readonly [offset: number, at: number]

/** Evenly fewer, the last one always kept. */
export function thin(marks: readonly Mark[], most: number): Mark[] {
  if (marks.length <= most) return [...marks]
  const step = marks.length / most
  return Array.from({ length: most }, (_, i) => marks[Math.ceil((i + 1) * step) - 1]).filter(mark => mark !== undefined)
}

/** The time of the byte at an offset: the first mark behind it; `otherwise` when none was made yet. */
export function timeAt(marks: readonly Mark[], offset: number, otherwise: number): number {
  return marks[firstIndex(marks, mark => mark[0] > offset)]?.[1] ?? otherwise
}

/** An offset before which everything is older than `at`. One by one: times do not grow where the clock was set back. */
export function offsetBefore(marks: readonly Mark[], at: number): number {
  const first = marks.findIndex(mark => mark[1] >= at)
  return marks[(first < 0 ? marks.length : first) - 1]?.[0] ?? 0
}

/** Binary search: offsets grow. */
function firstIndex(marks: readonly Mark[], isBehind: (mark: Mark) => boolean): number {
  let low = 0
  let high = marks.length
  while (low < high) {
    const middle = (low + high) >> 1
    const mark = marks[middle]
    if (mark === undefined || isBehind(mark)) high = middle
    else low = middle + 1
  }
  return low
}

export const formatMarks = (marks: readonly Mark[]): string => marks.map(([offset, at]) => `${offset} ${at}\n`).join('')

export function parseMarks(text: string): Mark[] {
  return [...text.matchAll(/^(\d+) (\d+)$/gm)].map(([, offset, at]) => [Number(offset), Number(at)] as const)
}
