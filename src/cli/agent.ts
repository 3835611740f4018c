/** Finds the agent of a home, and starts one where none runs. Of two that are started at once the journal's lock lets one live. */
import { mkdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, createClient } from '../api/client.ts'
import type { About } from '../api/views.ts'
import { FettleError, toFettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'
import { startDetached } from '../lib/detached.ts'
import { programPath } from '../lib/program-path.ts'
import { socketOf } from './home.ts'

const START_MS = 10_000
/** After our own agent ended, another CLI's may still be on its way to the socket. */
const OTHER_MS = 2000

export interface ConnectOptions {
  /** Start an agent when none answers. */
  start: boolean
  env: NodeJS.ProcessEnv
  /** Tests start another program. */
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
  if (!options.start)
    throw new FettleError('AGENT_UNREACHABLE', `no agent runs for ${home}`, {
      hint: '`fettle agent start` starts it; `fettle up` and `fettle deploy` do so by themselves.',
    })
  return { client, about: await startAgent(home, client, options), started: true }
}

/** What the agent says about itself; undefined when none answers. */
async function ask(client: Client): Promise<About | undefined> {
  try {
    return await client.call('about', {})
  } catch (error) {
    if (error instanceof FettleError && error.code === 'AGENT_UNREACHABLE') return undefined
    throw error
  }
}

async function startAgent(home: string, client: Client, options: ConnectOptions): Promise<About> {
  const { agent, agentLog } = layout(home)
  const ended = await launch(home, options).catch(error => {
    throw toFettleError(error, `starting an agent in ${agent}`)
  })
  let deadline = performance.now() + START_MS
  let code: number | undefined
  for (let waitMs = 5; performance.now() < deadline; waitMs = Math.min(50, waitMs * 1.5)) {
    const about = await ask(client)
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
    context: { log: await lastLines(agentLog) },
  })
}

/** Starts the agent in a session of its own, so that it outlives this terminal. */
async function launch(home: string, options: ConnectOptions): Promise<{ code?: number }> {
  const { agent, agentLog } = layout(home)
  await mkdir(agent, { recursive: true, mode: 0o700 })
  const argv = [process.execPath, options.program ?? programPath('agent'), '--home', home] as const
  return startDetached(argv, { cwd: home, env: agentEnvironment(options.env), log: agentLog })
}

/**
 * The agent lives long and starts services and builds: what it inherits must not depend on the shell that happened to start it,
 * and no token of that shell may end in a service.
 */
export function agentEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept =
    /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|XDG_\w+|FETTLE_\w+|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|(HTTPS?|NO|ALL)_PROXY|npm_config_(registry|cache|userconfig|cafile))$/i
  return Object.fromEntries(Object.entries(env).filter(([name]) => kept.test(name)))
}

async function lastLines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.trimEnd().split('\n').slice(-10)
}
