/**
 * One question to an app: can it take work? An answer counts only when the listener on its port is its own: else somebody else's
 * server on that port would be taken for the new release.
 */
import { request } from 'node:http'
import { connect } from 'node:net'
import { DEFAULT_UPTIME_MS } from '../../../core/spec/derived.ts'
import type { ReadyCheck } from '../../../core/spec/schema.ts'
import { execute } from '../../../lib/execute.ts'
import { type Listener, listeners, socketInodes } from '../../../lib/listeners.ts'
import { descendants } from '../../../lib/proc-files.ts'
import type { Backend } from '../../../ports/runtime.ts'

export interface Asked {
  check: ReadyCheck
  /** Folder of the unit, with the script of a readiness command. */
  folder: string
  pid: number
  port: number | undefined
  /** The app and all it started. */
  pids(): readonly number[]
  uptimeMs(): number
  /** Where the app's port is reached from here; it listens on `host` in its own network. */
  reach(host: string, port: number): Promise<Backend>
  /** One for all questions to one run of the app. */
  listening: ListenerLook
}

export type Answer =
  | { ready: true; backend?: Backend }
  /** What was asked and what came back. `foreign`: somebody else listens on the port. `inMs`: it need not be asked before. */
  | { ready: false; said: string; foreign?: true; inMs?: number }

const ANSWER_WITHIN_MS = 5000

export async function ask(asked: Asked, signal: AbortSignal): Promise<Answer> {
  const { check, port } = asked
  if (port === undefined) return askApp(asked, check.uptime ?? (check.command === undefined ? DEFAULT_UPTIME_MS : 0), signal)
  const proven = asked.listening.at(port, asked)
  const isEnough = check.http === undefined && check.tcp === undefined && (check.command !== undefined || check.uptime !== undefined)
  if (!proven.ready && (proven.foreign === true || !isEnough)) return proven
  const backend = await asked.reach(proven.ready ? proven.host : '127.0.0.1', port)
  const said = isEnough ? undefined : await (check.http === undefined ? askTcp(backend, signal) : askHttp(backend, check.http, signal))
  if (said !== undefined) return { ready: false, said }
  const answer = await askApp(asked, check.uptime ?? 0, signal)
  return answer.ready ? { ready: true, backend } : answer
}

async function askApp({ check, folder, uptimeMs }: Asked, wantedMs: number, signal: AbortSignal): Promise<Answer> {
  if (check.command !== undefined) {
    const ran = await execute('/bin/sh', ['check'], { cwd: folder, timeoutMs: check.within, signal })
    const said = (ran.stderr.trim() || ran.stdout.trim()).slice(-300)
    if (ran.code !== 0)
      return { ready: false, said: `asked by the command ${check.command}: it exited ${ran.code}${said && `, saying ${said}`}` }
  }
  const up = uptimeMs()
  return up >= wantedMs ? { ready: true } : { ready: false, said: `it has run for ${up} ms of ${wantedMs} ms`, inMs: wantedMs - up }
}

type Proof = { ready: true; host: string } | { ready: false; said: string; foreign?: true }

/** One that left its parents is not among their descendants, so now and then it is looked for whatever they hold. */
const LOOK_AGAIN_MS = 250

/**
 * Whose listener is on a port, looked up anew only when the app's sockets changed: the kernel walks all its connections for that, which
 * takes milliseconds, while the app has better use for the processor.
 */
export class ListenerLook {
  #sockets = ''
  /** At once the first time: where a stranger listens already, the app soon ends. */
  #lookedAt = Number.NEGATIVE_INFINITY
  #proof: Proof | undefined

  at(port: number, asked: Asked): Proof {
    const sockets = [...descendants(asked.pid)].flatMap(pid => [...socketInodes(pid)]).join(' ')
    if (sockets !== this.#sockets || performance.now() - this.#lookedAt > LOOK_AGAIN_MS) {
      this.#sockets = sockets
      this.#lookedAt = performance.now()
      this.#proof = proveListener(asked, port)
    }
    return this.#proof ?? nothingListens(port)
  }
}

const nothingListens = (port: number): Proof => ({ ready: false, said: `nothing listens on its port ${port}` })

function proveListener({ pid, pids }: Asked, port: number): Proof {
  const there = listeners(pid).filter(listener => listener.port === port)
  if (there.length === 0) return nothingListens(port)
  const own = ownInodes(there, pid, pids)
  const foreign = there.some(listener => !own.has(listener.inode))
  // Also when the app has one there too: requests would be spread over both.
  if (foreign) return { ready: false, said: `a process that is not its own listens on its port ${port}`, foreign: true }
  return { ready: true, host: hostOf(there) }
}

function ownInodes(wanted: Listener[], pid: number, pids: () => readonly number[]): Set<string> {
  const inodes = socketInodes(pid)
  if (wanted.every(listener => inodes.has(listener.inode))) return inodes
  return new Set(pids().flatMap(other => [...socketInodes(other)]))
}

/** Loopback when it listens there or everywhere, `::1` when only there. */
function hostOf(own: Listener[]): string {
  const addresses = own.map(({ address }) => address)
  return addresses.every(address => address === '00000000000000000000000001000000') ? '::1' : '127.0.0.1'
}

const target = (backend: Backend) => (backend.kind === 'unix' ? { path: backend.path } : { host: backend.host, port: backend.port })
const name = (backend: Backend) => (backend.kind === 'unix' ? backend.path : `${backend.host}:${backend.port}`)

function askTcp(backend: Backend, signal: AbortSignal): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect({ ...target(backend), signal })
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new Error('no answer')))
    socket.once('connect', () => resolve(undefined))
    socket.once('error', error => resolve(`asked for a connection to ${name(backend)}: ${error.message}`))
    socket.once('connect', () => socket.destroy())
  })
}

function askHttp(backend: Backend, path: string, signal: AbortSignal): Promise<string | undefined> {
  const where = backend.kind === 'unix' ? { socketPath: backend.path } : { host: backend.host, port: backend.port }
  const asked = `asked GET ${path} of ${name(backend)}`
  return new Promise(resolve => {
    const question = request({ ...where, path, agent: false, signal, timeout: ANSWER_WITHIN_MS }, response => {
      const { statusCode = 0 } = response
      const chunks: Buffer[] = []
      let length = 0
      const end = () => {
        question.destroy()
        const body = Buffer.concat(chunks).toString('utf8').slice(0, 200).trim()
        resolve(statusCode < 400 ? undefined : `${asked}: it answered ${statusCode}${body && ` «${body}»`}`)
      }
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length > 1000) end()
      })
      response.once('close', end)
    })
    question.once('timeout', () => question.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)))
    question.once('error', error => resolve(`${asked}: ${error.message}`))
    question.end()
  })
}
