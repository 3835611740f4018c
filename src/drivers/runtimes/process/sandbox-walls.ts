/** What is seen in a sandbox, as a list of walls: what was asked for, and what leads out of any. */
import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname } from 'node:path'
import { isBelow } from '../../../lib/moved-path.ts'
import type { SandboxView } from '../../../ports/runtime.ts'
import { type Mount, otherPaths, parseMounts } from './mounts.ts'
import type { Wall } from './sandbox-script.ts'

/** Servers of the host listen on sockets here. */
const SOCKETS = '/run'
/** Empty, or of the sandbox's own, in each. */
const OWN = ['/tmp', '/var/tmp', '/dev', SOCKETS]

export function wallsOf({ hide, write, copy }: SandboxView, machine = lookAtMachine()): Wall[] {
  // A wall before a link, or before one of several paths, would leave what it leads to in sight.
  const meant = hide.map(whereItLeads)
  const others = meant.flatMap(path => otherPaths(path, machine.mounts)).filter(path => !isOwn(path))
  const hidden = [SOCKETS, ...outermost([...new Set([...meant, ...others])]), ...machine.sockets]
  const isCovered = (path: string) => [...OWN, ...hide].some(folder => isBelow(path, folder))
  const walls = (how: Wall[0], paths: readonly string[]): Wall[] => paths.map(path => [how, path])
  return [
    // First, for what is hidden is often below it.
    ...walls('may-copy', machine.home === undefined ? [] : [machine.home]),
    ...walls('hide', hidden),
    ...walls('show', isCovered(machine.programs) ? [machine.programs] : []),
    ...walls('write', write),
    ...walls('copy', copy),
  ]
}

const isOwn = (path: string): boolean => OWN.some(own => isBelow(path, own))

/** What is hidden with another folder is not even there. */
const outermost = (paths: readonly string[]): string[] => paths.filter(path => !paths.some(other => other !== path && isBelow(path, other)))

const whereItLeads = (path: string): string => (existsSync(path) ? realpathSync(path) : path)

interface Machine {
  /** Where programs keep caches and settings; undefined where they could not write anyway. */
  home: string | undefined
  /** Where Node is, with what came with it. */
  programs: string
  /** Of servers outside: a path crosses network namespaces, and connecting is no writing. */
  sockets: string[]
  mounts: readonly Mount[]
}

function lookAtMachine(): Machine {
  const folder = dirname(process.execPath)
  const listed = readFileSync('/proc/net/unix', 'utf8').matchAll(/ (\/.*)$/gm)
  return {
    home: isWritable(homedir()) ? homedir() : undefined,
    programs: basename(folder) === 'bin' ? dirname(folder) : folder,
    sockets: [...new Set([...listed].map(([, path = '']) => path))].filter(path => !isOwn(path)),
    mounts: parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')),
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return path !== '/'
  } catch {
    return false
  }
}
