/** Starts an agent of its own session. Of two that are started at once the journal's lock lets one live; both callers find that one. */
import { access, constants, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { notOpen } from '../api/client.ts'
import type { About } from '../api/views.ts'
import { type ErrorJson, exitCodeOf, FettleError, toFettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'
import { agentArgv } from '../lib/agent-argv.ts'
import { startDetached } from '../lib/detached.ts'
import { exists, readIfExists } from '../lib/files.ts'
import { makeHome } from '../lib/home-folder.ts'
import { agentEnvironment } from '../lib/inherited.ts'
import { startedFrom } from '../lib/started-from.ts'
import { installVersion } from '../lib/versions.ts'

/** Long enough to adopt all that runs on a busy machine; an agent that can not start ends at once, and is not waited for. */
const START_MS = 30_000
/** After our own agent ended, another CLI's may still be on its way to the socket. */
const OTHER_MS = 2000

export interface StartOptions {
  env: NodeJS.ProcessEnv
  /** Another program than this build's: the build before, or a test's. */
  program?: string
}

/**
 * @param ask what the agent says about itself; undefined when none answers
 * @throws FettleError as the agent said why it can not start; AGENT_UNREACHABLE when it did not say. With the end of the agent's log
 */
export async function startAgent(home: string, ask: () => Promise<About | undefined>, options: StartOptions): Promise<About> {
  const { agent, agentLog, agentFailure } = layout(home)
  await requireOwnHome(home)
  if (!(await exists(home))) requireNothingLeft(home)
  await makeHome(home)
  const logged = await sizeOf(agentLog)
  await rm(agentFailure, { force: true })
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
      // Of two, one ends so, and is to be waited for as long as one's own.
      if (code !== exitCodeOf('BUSY')) deadline = Math.min(deadline, performance.now() + OTHER_MS)
    }
    await delay(waitMs)
  }
  const context = { log: await lastLines(agentLog, logged) }
  const failure = await readIfExists(agentFailure)
  if (failure !== undefined) throw FettleError.fromJSON({ ...(JSON.parse(failure) as ErrorJson), context })
  const what = code === undefined ? `it did not answer within ${START_MS / 1000} s` : `it ended with status ${code}`
  throw new FettleError('AGENT_UNREACHABLE', `an agent was started for ${home}, but ${what}`, {
    hint: `\`fettle doctor\` looks for the reason; the agent's log is ${agentLog}.`,
    context,
  })
}

/** Before anything is made or removed in it. One's own that can not be written says so by itself. @throws FettleError REFUSED */
async function requireOwnHome(home: string): Promise<void> {
  const owner = await stat(home).then(
    ({ uid }) => uid,
    () => process.getuid?.(),
  )
  if (owner === process.getuid?.()) return
  await access(home, constants.W_OK | constants.X_OK).catch(error => {
    throw notOpen(home, error)
  })
}

/** A new home would be taken for the one that still runs. @throws FettleError REFUSED */
function requireNothingLeft(home: string): void {
  const pid = startedFrom(home)
  if (pid === undefined) return
  throw new FettleError(
    'REFUSED',
    `nothing is at ${home}, but process ${pid} still runs from there: it was moved, or removed, while it ran`,
    {
      hint: `Move it back to ${home}. Where it is gone for good, end what runs from there: \`pgrep -f ${home}/\` names it.`,
    },
  )
}

/** Starts the agent in a session of its own, so that it outlives this terminal. */
async function launch(home: string, options: StartOptions): Promise<{ code?: number }> {
  const { agent, agentLog } = layout(home)
  await mkdir(agent, { recursive: true, mode: 0o700 })
  const argv = agentArgv(options.program ?? (await installVersion(home)), home)
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
