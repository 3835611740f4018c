/** What the story is told through: a person's terminal, with fettle on its command line. The command line hands it in. */
import type { OperationRecord } from '../core/plan.ts'

export interface Terminal {
  /** A new part of the story: its title, and what is about to be seen. */
  act(title: string, text: string): void
  /** A command that is not fettle's, as it would be typed. */
  typed(line: string): void
  /** What came of it. */
  outcome(text: string): void
  /** A line that is drawn anew below whatever goes on. */
  watch(line: () => string): void
  /**
   * Types `fettle <argv>`, a command that begins an operation, and shows how that goes: of its steps those in `show`, and what failed.
   * @returns how it ended, whatever that is
   * @throws FettleError when it was not begun; CANCELLED when the person has enough
   */
  operate(argv: string[], show: string[]): Promise<OperationRecord>
  /** The same for an operation that began by itself. */
  follow(operation: OperationRecord, show: string[]): Promise<OperationRecord>
  /** Asks `fettle <argv> --json` without a word. @throws FettleError as the command ended; CANCELLED */
  ask<Answer>(argv: string[]): Promise<Answer>
  /** Ends everything that fettle runs for it. */
  close(): Promise<void>
}
