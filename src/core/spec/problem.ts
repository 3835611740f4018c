/** What is wrong in the file and where: *findings* in offsets while parsing, *problems* in lines and columns for people and editors. */

/** Offsets into the text: from the first character to behind the last. */
export interface Span {
  start: number
  end: number
}

export interface Finding {
  at: Span
  message: string
  /** The valid name that was probably meant. */
  nearest?: string
}

export interface Problem {
  file: string
  /** From 1. */
  line: number
  /** From 1, in UTF-16 units, as editors count. */
  column: number
  /** The offending text, its first line, at most 60 characters; empty where something is missing. */
  text: string
  message: string
  nearest?: string
}

const MOST_PROBLEMS = 100

/** A name from the file inside a message, however long it is there. */
export const quoted = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)

/** Sorted by place, without repetitions, at most a hundred. */
export function toProblems(findings: Finding[], source: string, file: string): Problem[] {
  const seen = new Set<string>()
  const unique = findings.filter(({ at, message }) => {
    const key = `${at.start} ${message}`
    return !seen.has(key) && seen.add(key)
  })
  const lineStarts = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) lineStarts.push(at + 1)
  return unique
    .sort((a, b) => a.at.start - b.at.start)
    .slice(0, MOST_PROBLEMS)
    .map(({ at, message, nearest }) => {
      const line = lineOf(lineStarts, at.start)
      const text = /^[^\r\n]{0,60}/.exec(source.slice(at.start, at.end))?.[0] ?? ''
      return {
        file,
        line,
        column: at.start - (lineStarts[line - 1] ?? 0) + 1,
        text,
        message,
        ...(nearest === undefined ? {} : { nearest }),
      }
    })
}

function lineOf(lineStarts: number[], offset: number): number {
  let low = 0
  let high = lineStarts.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((lineStarts[middle] ?? 0) <= offset) low = middle
    else high = middle
  }
  return low + 1
}
