/** Finds the agent of a home, and has one started where none runs. */
import { type Client, createClient } from '../api/client.ts'
import type { About } from '../api/views.ts'
import { FettleError } from '../core/errors.ts'
import { socketOf } from './home.ts'

export interface ConnectOptions {
  /** Start an agent when none answers. */
  start: boolean
  env: NodeJS.ProcessEnv
  /** Another program than this build's: the build before, or a test's. */
  program?: string
}

export interface Connection {
  client: Client
  about: About
  started: boolean
}

/** @throws FettleError AGENT_UNREACHABLE, USAGE for a home that is too long */
export async function connect(home: string, options: ConnectOptions): Promise<Connection> {
  const client = createClient(socketOf(home))
  const about = await ask(client)
  if (about !== undefined) return { client, about, started: false }
  if (!options.start) throw noAgent(home)
  const { startAgent } = await import('./start-agent.ts')
  return { client, about: await startAgent(home, () => ask(client), options), started: true }
}

export const noAgent = (home: string): FettleError =>
  new FettleError('AGENT_UNREACHABLE', `no agent runs for ${home}`, {
    hint: '`fettle agent start` starts it; what changes something does so by itself, what only looks does not.',
  })

export const isUnreachable = (error: unknown): boolean => error instanceof FettleError && error.code === 'AGENT_UNREACHABLE'

/** What the agent says about itself; undefined when none answers. */
async function ask(client: Client): Promise<About | undefined> {
  try {
    return await client.call('about', {})
  } catch (error) {
    if (isUnreachable(error)) return undefined
    throw error
  }
}
