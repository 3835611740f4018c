import { setTimeout as delay } from 'node:timers/promises'
import { FettleError } from '../core/errors.ts'
import { hasEnded } from '../lib/process-end.ts'

/**
 * The agent answers before it ends: the next command must not meet it in between, nor whoever removes its home.
 * @throws FettleError TIMEOUT
 */
export async function untilEnded(pid: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await hasEnded(pid)) return
    await delay(20)
  }
  throw new FettleError('TIMEOUT', `the agent with pid ${pid} was asked to end and has not`, {
    hint: '`fettle doctor` looks for the reason.',
  })
}
