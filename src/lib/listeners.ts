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
export const listeners = (pid: number | 'self'): Listener[] =>
  ['tcp', 'tcp6'].flatMap(table => parseListeners(readStart(`/proc/${pid}/net/${table}`)))

export function parseListeners(table: string): Listener[] {
  const found: Listener[] = []
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/)
    const [address, port] = (fields[1] ?? '').split(':')
    if (fields[3] !== '0A' || address === undefined || port === undefined || fields[9] === undefined) break
    found.push({ address, port: Number.parseInt(port, 16), inode: fields[9] })
  }
  return found
}

/** Listeners come first in these tables, which a busy host's connections make megabytes long. */
function readStart(path: string, bytes = 128 * 1024): string {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const buffer = Buffer.allocUnsafe(bytes)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes; length += read) read = readSync(file, buffer, length, bytes - length, null)
    return buffer.toString('latin1', 0, length)
  } catch (error) {
    if (isGone(error)) return ''
    throw error
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
