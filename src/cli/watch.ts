/** The events of one operation, to its end, also across the death and return of the agent. */
import { setTimeout as delay } from 'node:timers/promises'
import { FettleError } from '../core/errors.ts'
import { isOver, type OperationEvent } from '../core/plan.ts'
import type { Cli } from './cli.ts'

const TRIES = 5

/**
 * Calls back for each event from the first on; resolves at the operation's end. An agent that went away is started again: it
 * goes on with what it finds in its journal.
 * @throws FettleError CANCELLED when the signal aborts, AGENT_UNREACHABLE when the agent does not return
 */
export async function watch(cli: Cli, id: string, onEvent: (event: OperationEvent) => void, signal: AbortSignal): Promise<void> {
  let after = 0
  for (let failures = 0; ; failures++) {
    try {
      const client = await cli.client()
      for await (const event of client.stream('events', { id, after, follow: true }, signal)) {
        after = event.seq
        failures = 0
        onEvent(event)
        if (event.type === 'operation' && isOver(event.state)) return
      }
      if (isOver((await client.call('operation', { id })).state)) return
    } catch (error) {
      if (signal.aborted) throw new FettleError('CANCELLED', `no longer following ${id}`, { cause: error })
      if (failures >= TRIES || !isLost(error)) throw error
    }
    if (signal.aborted) throw new FettleError('CANCELLED', `no longer following ${id}`)
    cli.disconnect()
    await delay(100 * 2 ** failures, undefined, { signal }).catch(() => {})
  }
}

/** The agent went away, in the middle of an answer or before it: everything else is an answer. */
const isLost = (error: unknown): boolean => !(error instanceof FettleError) || error.code === 'AGENT_UNREACHABLE'
