/** The demo's place: the narrated run is written beside this file. */
import { FettleError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'

export interface DemoOptions {
  /** Leave everything running and print the addresses. */
  keep: boolean
  /** One line of the narration. */
  say(line: string): void
  signal: AbortSignal
}

/** @returns the figures measured in this run */
export async function runDemo(_options: DemoOptions): Promise<JsonObject> {
  throw new FettleError('UNSUPPORTED', 'this build of fettle has no demo yet')
}
