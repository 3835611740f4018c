/** What the proofs of a snapshot, taken together, say of it. Oldest first, as they were recorded. */
import type { Proof, Rung } from './snapshot.ts'

const RUNGS: readonly Rung[] = ['taken', 'stored', 're-read', 'loaded', 'content-equal', 'booted']
const reaches = (rung: Rung, other: Rung): boolean => RUNGS.indexOf(rung) >= RUNGS.indexOf(other)

export const highestRung = (proofs: readonly Proof[]): Rung =>
  proofs.filter(proof => proof.passed).reduce<Rung>((best, { rung }) => (reaches(rung, best) ? rung : best), 'stored')

/** A whole drill, with what the file expects of the data. Whatever booted went through all of it, also before that was written down. */
const isWholeDrill = (proof: Proof): boolean => proof.passed && (proof.drill === true || proof.rung === 'booted')

/** Stands until a whole drill passes: that content was equal, in a restore or a rehearsal, takes nothing back. */
export function standingFailure(proofs: readonly Proof[]): Proof | undefined {
  const failure = proofs.findLastIndex(proof => !proof.passed)
  return proofs.slice(failure + 1).some(isWholeDrill) ? undefined : proofs[failure]
}

/** What failed, and which operation knows what was found: beside the data, where proofs lie unencrypted, nothing of it is said. */
export const failureText = ({ note = 'its drill failed', operation }: Proof): string =>
  operation.startsWith('op') ? `${note} (${operation})` : note // else it was only planned

/** It was restored, its content was equal, and nothing speaks against it. */
export const isProven = (proofs: readonly Proof[]): boolean => standingFailure(proofs) === undefined && wasProven(proofs)

/** Once, whatever was found since. */
export const wasProven = (proofs: readonly Proof[]): boolean => proofs.some(proof => proof.passed && reaches(proof.rung, 'content-equal'))

/** More than proven: what the file expects held too. */
export const isDrilled = (proofs: readonly Proof[]): boolean => isProven(proofs) && proofs.some(isWholeDrill)
