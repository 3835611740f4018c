/** What is wrong in the file and where: *findings* in offsets while parsing, *problems* in lines and columns for people and editors. */

/** Offsets into the text: from the first character to behind the last. */
export interface Span {
  start: number
  end: number
}

export interface Finding {
  at: Span
  message: string
  /** The valid name that was probably meant. Looked for only where it is told: thousands of names among thousands take long. */
  nearest?: () => string | undefined
  /** Said when no name is near. */
  otherwise?: string
  /** At `at` an environment is made different, and thereby this is wrong, which the whole file shares. */
  breaks?: { environment: string; at: Span }
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
export const quoted = (name: string): string => visible(JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name))

/** Signs that nobody sees, and letters among Latin ones that only look like them, by their code: else nothing would seem wrong. */
export function visible(text: string): string {
  const code = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`
  const seen = text.replace(/[\u00a0\u00ad\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]/g, code)
  return /[a-z]/i.test(text) ? seen.replace(/[\p{Script=Cyrillic}\p{Script=Greek}]/gu, code) : seen
}

/** Sorted by place, without repetitions, at most a hundred, and how many there are beyond. */
export function toProblems(findings: Finding[], source: string, file: string): { problems: Problem[]; more: number } {
  const lineStarts = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) lineStarts.push(at + 1)
  const unique = new Map<string, Finding>()
  for (const { at, message, breaks, ...words } of findings) {
    const said =
      breaks === undefined
        ? message
        : `what differs in ${breaks.environment} makes line ${lineOf(lineStarts, breaks.at.start)} wrong: ${message}`
    const key = `${at.start} ${said}`
    if (!unique.has(key)) unique.set(key, { at, message: said, ...words })
  }
  const problems = [...unique.values()]
    .sort((a, b) => a.at.start - b.at.start)
    .slice(0, MOST_PROBLEMS)
    .map(({ at, message, nearest: find, otherwise }) => {
      const nearest = sound(find?.())
      const line = lineOf(lineStarts, at.start)
      const column = at.start - (lineStarts[line - 1] ?? 0) + 1
      const text = /^[^\r\n]{0,60}/.exec(source.slice(at.start, at.end))?.[0] ?? ''
      const said = nearest === undefined && otherwise !== undefined ? `${message}; ${otherwise}` : message
      return { file, line, column, text, message: said, ...(nearest === undefined ? {} : { nearest }) }
    })
  return { problems, more: unique.size - problems.length }
}

/** A name that only looks right would be proposed to who wrote the right one. */
const sound = (name: string | undefined): string | undefined => (name === undefined || visible(name) === name ? name : undefined)

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
