import { setTimeout as delay } from 'node:timers/promises'
import { FettleError } from '../core/errors.ts'
import type { Clock } from '../ports/clock.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, { signal })
    } catch (error) {
      throw new FettleError('CANCELLED', 'waiting was cancelled', { cause: error })
    }
  },
}
