import { createHash } from 'node:crypto'
import { FettleError } from '../core/errors.ts'
import { canonicalJson, type Json } from '../core/json.ts'
import type { Basis, Plan } from '../core/plan.ts'

/** What a plan was made from: a hash of each thing, by the name that people are told when it has changed. */
export const basisOf = (facts: Record<string, Json>): Basis =>
  Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, hashOf(fact)]))

const hashOf = (fact: Json): string => createHash('sha256').update(canonicalJson(fact)).digest('hex').slice(0, 32)

/** What was said to be lost, in its own words, not hashed: it grows while people think, and that is told at the end, not refused. */
const ANNOUNCED = 'announced loss'

export const announcing = (text: string): Basis => ({ [ANNOUNCED]: text })

/** What was agreed to be lost, told to the step that counts what is. @param agreed of the plan that was shown, where one was */
export function announce(plan: Plan, agreed: Basis = {}): Plan {
  const announced = agreed[ANNOUNCED] ?? plan.basis[ANNOUNCED]
  if (announced === undefined) return plan
  const steps = plan.steps.map(step => (step.kind === 'loss.count@1' ? { ...step, input: { ...step.input, announced } } : step))
  return { ...plan, basis: { ...plan.basis, ...announcing(announced) }, steps }
}

/** Its steps are part of what was agreed to: another version of fettle, or a newer snapshot, may give others for the same facts. */
export const sealPlan = (plan: Plan): Plan => ({
  ...plan,
  basis: { ...plan.basis, steps: hashOf(plan.steps as unknown as Json) },
})

/** @throws FettleError CONFLICT naming what is no longer as it was when the plan was shown or saved */
export function requireBasis(plan: Plan, basis: Basis): void {
  const names = [...new Set([...Object.keys(basis), ...Object.keys(plan.basis)])]
  const moved = names.filter(name => name !== ANNOUNCED && basis[name] !== plan.basis[name])
  if (moved.length === 0) return
  // The steps follow from the rest: on their own they are news, beside it they are not.
  const causes = moved.filter(name => name !== 'steps')
  const what = causes.length === 0 ? 'what has to be done for it' : `what it was made from (${causes.join(', ')})`
  throw new FettleError('CONFLICT', `the plan is not carried out: ${what} has changed since`, {
    hint: 'Make a new plan, look at it and decide again.',
    context: { moved },
  })
}
