/** Problems as people read them: place, message, and the line with a caret under what is meant. */
import type { Problem } from './problem.ts'

const WIDTH = 100

/** Two to three lines a problem: `fettle.yaml:7:11: unknown key "instnaces"; did you mean "instances"?`, then the line of the source. */
export function renderProblems(problems: Problem[], source: string): string {
  const lines = source.split('\n')
  return problems.map(problem => renderProblem(problem, lines[problem.line - 1] ?? '')).join('\n')
}

export function problemLine({ file, line, column, message, nearest }: Problem): string {
  const question = nearest === undefined ? '' : `; did you mean ${JSON.stringify(nearest)}?`
  return `${file}:${line}:${column}: ${printable(message.replace(/\s*[\r\n]+\s*/g, ' '))}${question}`
}

function renderProblem(problem: Problem, sourceLine: string): string {
  const head = problemLine(problem)
  if (sourceLine.trim() === '') return head
  // A window of the line, so that a caret far to the right is still seen.
  const start = problem.column > WIDTH * 0.8 ? problem.column - WIDTH / 2 : 0
  const excerpt = printable(sourceLine.slice(start, start + WIDTH).trimEnd())
  const gutter = `${' '.repeat(Math.max(0, 5 - String(problem.line).length))}${problem.line} | `
  const before = excerpt.slice(0, problem.column - 1 - start).replace(/[^\t]/g, ' ')
  const carets = '^'.repeat(Math.max(1, Math.min(problem.text.length, WIDTH - before.length)))
  return `${head}\n${gutter}${excerpt}\n${' '.repeat(gutter.length - 2)}| ${before}${carets}`
}

/** Control characters would reach the terminal as commands; each becomes one visible character, so that columns stay. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '\u{fffd}')
}
