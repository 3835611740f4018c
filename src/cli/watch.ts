/** Streams from the agent that outlast it: when it went away it is started again, and the stream goes on where it was. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '../api/client.ts'
import { FettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'
import { isOver, type OperationEvent } from '../core/plan.ts'
import { exists } from '../lib/files.ts'
import { installedProgram } from '../lib/versions.ts'
import type { Cli } from './cli.ts'

const TRIES = 5

/**
 * Calls back for each event of an operation from the first on; resolves at its end.
 * @throws FettleError CANCELLED when the signal aborts, AGENT_UNREACHABLE when the agent does not return
 */
export async function watch(cli: Cli, id: string, onEvent: (event: OperationEvent) => void, signal: AbortSignal): Promise<void> {
  let after = 0
  await lasting(cli, signal, async client => {
    for await (const event of client.stream('events', { id, after, follow: true }, signal)) {
      after = event.seq
      onEvent(event)
      // One that was held and resumed has been over before.
      if (event.type === 'operation' && isOver(event.state) && (await hasEnded(client, id))) return 'over'
    }
    return (await hasEnded(client, id)) ? 'over' : 'again'
  })
}

const hasEnded = async (client: Client, id: string): Promise<boolean> => isOver((await client.call('operation', { id })).state)

/** Reads until it is over, again and again; gives up when nothing could be read several times in a row. */
export async function lasting(cli: Cli, signal: AbortSignal, read: (client: Client) => Promise<'over' | 'again'>): Promise<void> {
  for (let failures = 0; failures <= TRIES; failures++) {
    let lost: unknown
    const startedAt = performance.now()
    try {
      if ((await read(await cli.client())) === 'over') return
    } catch (error) {
      if (!signal.aborted && !isLost(error)) throw error
      lost = error
    }
    if (signal.aborted) throw new FettleError('CANCELLED', 'interrupted', { cause: lost })
    if (await exists(layout(cli.home).agentStopped)) throw stopped(cli.home, lost)
    if (failures === TRIES) throw lost ?? new FettleError('AGENT_UNREACHABLE', 'the agent ends every answer early')
    if (performance.now() - startedAt > 1000) failures = 0
    // An upgrade may be under way: of the build that was installed last, not of the one that began to follow.
    cli.disconnect(installedProgram(cli.home))
    await delay(50 * 2 ** failures, undefined, { signal }).catch(() => {})
  }
}

/** To start it again would take back what somebody asked for. */
const stopped = (home: string, cause: unknown): FettleError =>
  new FettleError('AGENT_UNREACHABLE', `the agent for ${home} was ended by \`fettle agent stop\``, {
    cause,
    hint: '`fettle agent start` starts it; what was under way goes on then.',
  })

/** The agent went away, in the middle of an answer or before it: everything else is an answer. */
const isLost = (error: unknown): boolean => !(error instanceof FettleError) || error.code === 'AGENT_UNREACHABLE'
