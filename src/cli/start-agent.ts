/** Starts an agent of its own session. Of two that are started at once the journal's lock lets one live; both callers find that one. */
import { mkdir, readFile, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { About } from '../api/views.ts'
import { FettleError, toFettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'
import { startDetached } from '../lib/detached.ts'
import { agentEnvironment } from '../lib/inherited.ts'
import { installVersion } from '../lib/versions.ts'

/** Long enough to adopt all that runs on a busy machine; an agent that can not start ends at once, and is not waited for. */
const START_MS = 30_000
/** After our own agent ended, another CLI's may still be on its way to the socket. */
const OTHER_MS = 2000

export interface StartOptions {
  env: NodeJS.ProcessEnv
  /** Tests start another program. */
  program?: string
}

/**
 * @param ask what the agent says about itself; undefined when none answers
 * @throws FettleError AGENT_UNREACHABLE with the end of the agent's log
 */
export async function startAgent(home: string, ask: () => Promise<About | undefined>, options: StartOptions): Promise<About> {
  const { agent, agentLog } = layout(home)
  const logged = await sizeOf(agentLog)
  const ended = await launch(home, options).catch(error => {
    throw toFettleError(error, `starting an agent in ${agent}`)
  })
  let deadline = performance.now() + START_MS
  let code: number | undefined
  for (let waitMs = 5; performance.now() < deadline; waitMs = Math.min(50, waitMs * 1.5)) {
    const about = await ask()
    if (about !== undefined) return about
    if (code === undefined && ended.code !== undefined) {
      code = ended.code
      deadline = Math.min(deadline, performance.now() + OTHER_MS)
    }
    await delay(waitMs)
  }
  const what = code === undefined ? `it did not answer within ${START_MS / 1000} s` : `it ended with status ${code}`
  throw new FettleError('AGENT_UNREACHABLE', `an agent was started for ${home}, but ${what}`, {
    hint: `\`fettle doctor\` looks for the reason; the agent's log is ${agentLog}.`,
    context: { log: await lastLines(agentLog, logged) },
  })
}

/** Starts the agent in a session of its own, so that it outlives this terminal. */
async function launch(home: string, options: StartOptions): Promise<{ code?: number }> {
  const { agent, agentLog } = layout(home)
  await mkdir(agent, { recursive: true, mode: 0o700 })
  const argv = [process.execPath, options.program ?? (await installVersion(home)), '--home', home] as const
  return startDetached(argv, { cwd: home, env: agentEnvironment(options.env), log: agentLog })
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

/** Of what this start wrote: the log is that of every agent before it too. */
async function lastLines(path: string, from: number): Promise<string[]> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0))
  return bytes.subarray(from).toString('utf8').trimEnd().split('\n').slice(-20)
}
