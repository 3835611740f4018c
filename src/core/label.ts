/** What a person writes on a snapshot: told in lines and tables. */
import { FettleError } from './errors.ts'

export const LONGEST_LABEL = 200
export const PLAIN_LINE = /^[^\p{Cc}\p{Zl}\p{Zp}]*$/u

/** @throws FettleError USAGE */
export function requireLabel(label: string): string {
  const hint = 'Say in a few words what it is for: `fettle backup --label before-the-move`.'
  if (label.length > LONGEST_LABEL)
    throw new FettleError('USAGE', `the label has ${label.length} characters, at most ${LONGEST_LABEL} are kept`, { hint })
  if (!PLAIN_LINE.test(label)) throw new FettleError('USAGE', 'the label is not one line of plain text', { hint })
  return label
}
