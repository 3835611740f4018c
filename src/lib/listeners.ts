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
export const listeners = (pid: number | 'self'): Listener[] => TABLES.flatMap(table => listenersIn(`/proc/${pid}/net`, table))

interface Table {
  name: string
  /** Where the kernel tells how many sockets there are, and by which word. */
  count: string
  word: string
  /** A line has more characters than this, and its inode before them. */
  enough: number
}
const TABLES: readonly Table[] = [
  { name: 'tcp', count: 'sockstat', word: 'TCP', enough: 110 },
  { name: 'tcp6', count: 'sockstat6', word: 'TCP6', enough: 155 },
]

/**
 * Listeners come first in a table. Behind them the kernel looks for connections in all its buckets, a quarter of a million on a large
 * machine, which takes 5 ms where there are few. So no byte is asked for behind the last socket that there is.
 */
function listenersIn(folder: string, { name, count, word, enough }: Table): Listener[] {
  const sockets = socketsIn(`${folder}/${count}`, word)
  const found: Listener[] = []
  if (sockets === 0) return found
  try {
    const file = openSync(`${folder}/${name}`, 'r')
    try {
      const lines = new Lines(file, enough)
      while (found.length < sockets && lines.next()) {
        const listener = parseListener(lines.start())
        if (listener === undefined) break
        found.push(listener)
      }
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (!isGone(error)) throw error
  }
  return found
}

/** All that may be in the table; not those that are about to be gone (TIME_WAIT). */
function socketsIn(path: string, word: string): number {
  const told = new RegExp(`^${word}: inuse (\\d+)`, 'm').exec(readIfThere(path)?.toString('latin1') ?? '')?.[1]
  return told === undefined ? Number.POSITIVE_INFINITY : Number(told)
}

/** Beginnings of lines, read with as few bytes behind them as can be. */
class Lines {
  readonly #file: number
  readonly #enough: number
  readonly #buffer: Buffer
  #text = ''

  constructor(file: number, enough: number) {
    this.#file = file
    this.#enough = enough
    this.#buffer = Buffer.allocUnsafe(enough)
  }

  /** Goes to the next line, the first time to the one behind the head. False when the file is at its end. */
  next(): boolean {
    for (;;) {
      const end = this.#text.indexOf('\n')
      if (end !== -1) this.#text = this.#text.slice(end + 1)
      if (end !== -1 && this.#text !== '') return true
      if (!this.#read(this.#enough)) return false
      if (end !== -1) return true
    }
  }

  start(): string {
    while (this.#text.length < this.#enough && this.#read(this.#enough - this.#text.length));
    return this.#text
  }

  #read(bytes: number): boolean {
    const length = readSync(this.#file, this.#buffer, 0, bytes, null)
    this.#text += this.#buffer.toString('latin1', 0, length)
    return length > 0
  }
}

/** Undefined for a connection. */
export function parseListener(line: string): Listener | undefined {
  const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
  const [address, port] = local.split(':')
  if (state !== '0A' || address === undefined || port === undefined || inode === undefined) return undefined
  return { address, port: Number.parseInt(port, 16), inode }
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
