/** What the parser says about a file that it must refuse. */
import { AssertionError } from 'node:assert'
import { FettleError } from '../../src/core/errors.ts'
import { parseSpec } from '../../src/core/spec/parse.ts'
import type { Problem } from '../../src/core/spec/problem.ts'
import { problemLine } from '../../src/core/spec/problem-text.ts'

const FILE = 'fettle.yaml'

type Refusal = FettleError & { context: { problems: Problem[]; more?: number } }

export function refusal(text: string): Refusal {
  try {
    parseSpec(text, { file: FILE })
  } catch (error) {
    if (error instanceof FettleError && error.code === 'SPEC_INVALID') return error as Refusal
    throw error
  }
  throw new AssertionError({ message: `accepted:\n${text.slice(0, 1000)}` })
}

/** `7:11: unknown key "instnaces"; did you mean "instances"?` */
export const problemLines = (text: string): string[] =>
  refusal(text).context.problems.map(problem => problemLine(problem).slice(FILE.length + 1))
