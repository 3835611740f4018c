/** Who listens where, as /proc tells it. */
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { allPids, isGone, linkIfThere, readIfThere } from './proc-files.ts'

/** Inodes of the sockets that a process holds open. */
export function socketInodes(pid: number): Set<string> {
  const found = new Set<string>()
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkIfThere(`/proc/${pid}/fd/${fd}`) ?? '')?.[1]
      if (inode !== undefined) found.add(inode)
    }
  } catch (error) {
    if (!isGone(error)) throw error
  }
  return found
}

export interface Listener {
  /** Hexadecimal, as in /proc. */
  address: string
  port: number
  inode: string
}

/** TCP listeners of the network namespace that `pid` is in. */
export const listeners = (pid: number | 'self'): Listener[] => [...eachListener(pid)]

/**
 * One after the other: whoever has found the one that it looks for spares the kernel the walk over all connections behind them, which
 * takes milliseconds on a busy host.
 */
export function* eachListener(pid: number | 'self'): Generator<Listener> {
  for (const table of ['tcp', 'tcp6']) yield* parseListeners(linesOf(`/proc/${pid}/net/${table}`))
}

/** They come first in these tables. */
export function* parseListeners(lines: Iterable<string>): Generator<Listener> {
  let isHeading = true
  for (const line of lines) {
    const fields = line.trim().split(/\s+/)
    const [address, port] = (fields[1] ?? '').split(':')
    if (!isHeading) {
      if (fields[3] !== '0A' || address === undefined || port === undefined || fields[9] === undefined) return
      yield { address, port: Number.parseInt(port, 16), inode: fields[9] }
    }
    isHeading = false
  }
}

/** Two lines or so: for each read the kernel looks for as many as fit. */
const READ_BYTES = 256

function* linesOf(path: string): Generator<string> {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    let rest = ''
    for (let read = -1; read !== 0; ) {
      read = readSync(file, buffer, 0, READ_BYTES, null)
      const lines = (rest + buffer.toString('latin1', 0, read)).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (error) {
    if (!isGone(error)) throw error
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/**
 * Who listens on a port of this host, in words: `nginx (pid 812)`, `node server.js (pid 813)`. Undefined when nobody does, or when it is somebody else's process
 * that this user may not look into.
 */
export function portHolder(port: number): string | undefined {
  const inodes = new Set(listeners('self').flatMap(listener => (listener.port === port ? [listener.inode] : [])))
  if (inodes.size === 0) return undefined
  const pid = allPids().find(candidate => [...socketInodes(candidate)].some(inode => inodes.has(inode)))
  return pid === undefined ? undefined : `${programName(pid)} (pid ${pid})`
}

/** As a person knows it: `nginx`, `node server.js`. Its comm may be the name of a thread. Of its words no more: they may hold secrets. */
function programName(pid: number): string {
  const [program = '', script = ''] = (readIfThere(`/proc/${pid}/cmdline`)?.toString() ?? '').split('\0')
  if (program === '') return readIfThere(`/proc/${pid}/comm`)?.toString().trim() ?? 'a process'
  const name = basename(program)
  return script !== '' && existsSync(resolve(linkIfThere(`/proc/${pid}/cwd`) ?? '/', script)) ? `${name} ${script}` : name
}
