/** Chance that a seed fixes: the same for the same name, whatever else is chosen and in which order. */
import { FettleError } from '../../src/core/errors.ts'

/** From 0 up to, but not including, 1. */
export function chance(seed: number, name: string): number {
  let hash = seed | 0
  for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) + 0x9e3779b9
  return ((hash >>> 8) % 10_000) / 10_000
}

export interface Choice {
  /** How the names begin that are meant; a name that is exactly this is meant alone. */
  only: string
  /** Of the points, so many. */
  fraction: number
  seed: number
}

/** `operation`, or `operation/point`. */
export const mayHold = (operation: string, { only }: Choice): boolean =>
  `${operation}/`.startsWith(only) || only.startsWith(`${operation}/`)

/** @throws FettleError USAGE when a sweep of none would follow */
export function refuseUnknown(isKnown: boolean, { only }: Choice, known: readonly string[]): void {
  if (!isKnown) throw new FettleError('USAGE', `no point has a name that begins with ${only}`, { hint: `There are ${known.join(', ')} …` })
}

export function chosenOf<T extends { name: string }>(all: readonly T[], { only, fraction, seed }: Choice): T[] {
  const exact = all.filter(({ name }) => name === only)
  if (exact.length > 0) return exact
  return all.filter(({ name }) => name.startsWith(only) && chance(seed, name) < fraction)
}

/** In a third of all cases the next agent is killed too, after that many points; 0: it is not. */
export const killedAgainAfter = (seed: number, name: string): number =>
  chance(seed, `${name} again`) < 1 / 3 ? 1 + Math.floor(chance(seed, `${name} after`) * 8) : 0
