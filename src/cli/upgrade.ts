/**
 * Puts this build in the place of the agent that runs. What that runs goes on meanwhile: services and the front serve, commands of
 * operations that are under way work on, and the new agent adopts them.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { About } from '../api/views.ts'
import { FettleError, toFettleError } from '../core/errors.ts'
import { isNewer } from '../core/version-order.ts'
import { ownBuild } from '../lib/program-path.ts'
import { version } from '../lib/version.ts'
import { bootFrom, installVersion } from '../lib/versions.ts'
import type { Cli } from './cli.ts'
import { untilEnded } from './until-ended.ts'

const RETURN_MS = 15_000
const PAUSE_MS = 50

/**
 * @returns what runs now, and what ran before; the same when there was nothing to do
 * @param mayBeOlder this build may be of an older version than the agent's
 * @throws FettleError AGENT_UNREACHABLE when none runs; REFUSED for an older version, and when the new one does not start: the one before runs again
 */
export async function upgradeAgent(cli: Cli, mayBeOlder = false): Promise<{ before: About; now: About }> {
  const before = await cli.knownAgent().call('about', {})
  if (before.build === ownBuild()) return { before, now: before }
  if (isNewer(before.version, version) && !mayBeOlder)
    throw new FettleError('REFUSED', `the agent is fettle ${before.version}, which is newer than this fettle ${version}`, {
      hint: 'Update this one, or go back to it: `fettle agent upgrade --downgrade`.',
    })
  // First what may fail for want of space: the old agent still runs. A supervisor starts what is installed here.
  await installVersion(cli.home)
  await cli.knownAgent().call('shutdown', { everything: false })
  await untilEnded(before.pid)
  const now = before.supervised ? await untilBack(cli) : await startNew(cli, before)
  return { before, now }
}

async function startNew(cli: Cli, before: About): Promise<About> {
  const { startAgent } = await import('./start-agent.ts')
  const ask = () => running(cli)
  try {
    return await startAgent(cli.home, ask, { env: cli.io.env })
  } catch (thrown) {
    const { message } = toFettleError(thrown)
    await bootFrom(cli.home, before.build)
    const program = join(cli.home, 'versions', before.build, 'agent.js')
    const returned = await startAgent(cli.home, ask, { env: cli.io.env, program })
    if (returned.build === ownBuild()) return returned // somebody else's, who was first and took long
    throw new FettleError('REFUSED', `the new agent does not start; the one before, ${before.version}, runs again: ${message}`, {
      cause: thrown,
      hint: `Services and the front went on meanwhile. See ${join(cli.home, 'agent', 'agent.log')}.`,
    })
  }
}

async function untilBack(cli: Cli): Promise<About> {
  for (let waited = 0; waited < RETURN_MS; waited += PAUSE_MS) {
    const about = await running(cli)
    if (about !== undefined) return about
    await delay(PAUSE_MS)
  }
  throw new FettleError('AGENT_UNREACHABLE', 'what supervises the agent has not started it again', {
    hint: '`systemctl status` of its unit shows why; `fettle agent start` starts it without.',
  })
}

/** What answers now; undefined when nothing does. */
function running(cli: Cli): Promise<About | undefined> {
  return cli
    .knownAgent()
    .call('about', {})
    .catch(error => {
      if (error instanceof FettleError && error.code === 'AGENT_UNREACHABLE') return undefined
      throw error
    })
}
