/** `rehearse: { at-most: 5m }`: a rehearsal must not hold a deploy for ever. */
import * as z from 'zod'
import { FettleError } from '../core/errors.ts'
import { formatDuration } from '../core/format.ts'
import type { StepContext } from '../engine/step.ts'

/** One for all steps of a rehearsal: each is told what those before it took. */
export const Budget = z.object({ atMostMs: z.number(), spentMs: z.array(z.number()) })
export type Budget = z.output<typeof Budget>

/** The work with what is left of the time. @throws FettleError REFUSED when that is over */
export async function withinBudget<T>(
  context: StepContext,
  budget: Budget | undefined,
  work: (context: StepContext) => Promise<T>,
): Promise<T> {
  if (budget === undefined) return work(context)
  const spentMs = budget.spentMs.reduce((sum, ms) => sum + ms, 0)
  const over = AbortSignal.timeout(Math.max(0, Math.round(budget.atMostMs - spentMs)))
  try {
    return await work({ ...context, signal: AbortSignal.any([context.signal, over]) })
  } catch (error) {
    if (!over.aborted || context.signal.aborted) throw error
    throw new FettleError('REFUSED', `the rehearsal did not end within ${formatDuration(budget.atMostMs)}`, {
      cause: error,
      hint: 'Allow it more with `release: { rehearse: { at-most: 15m } }`, or go without: `--rehearse off`.',
    })
  }
}
