/**
 * Control groups: the kernel's own list of what belongs to a unit (so that nothing it starts escapes an end) and its memory limit.
 * Version 2 gives both; many machines mount version 1's memory controller beside a version 2 that has only `cgroup.kill`.
 * Everything lies below the agent's own group, which is what the machine delegated to it. Nothing is assumed: a probe enters one.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { execute } from '../../../lib/execute.ts'
import { isGone, readIfThere } from '../../../lib/proc-files.ts'

export interface Cgroups {
  /** Folder of version 2 in which units get theirs; undefined: what a unit started is found by its environment. */
  kill?: string
  memory?: { base: string; version: 1 | 2 }
  memoryReason?: string
  killReason?: string
}

export interface UnitCgroup {
  folders: string[]
  /** The one that can be killed as a whole. */
  kill?: string
  memory?: { folder: string; version: 1 | 2; bytes: number }
}

/** Folder of the agent's own group in a hierarchy: the mount point, then the path below the mount's own root. */
function ownFolder(mountinfo: string, membership: string, isWanted: (type: string, options: string) => boolean): string | undefined {
  for (const line of mountinfo.split('\n')) {
    const [mount = '', rest = ''] = line.split(' - ')
    const [, , , root = '/', point = ''] = mount.split(' ')
    const [type = '', , options = ''] = rest.split(' ')
    if (!isWanted(type, options)) continue
    const own = membership
      .split('\n')
      .map(entry => entry.split(':'))
      .find(([, controllers = '']) => (type === 'cgroup2' ? controllers === '' : controllers.split(',').includes('memory')))?.[2]
    if (own === undefined) continue
    const below = own.startsWith(root) ? own.slice(root.length) : ''
    return existsSync(join(point, below)) ? join(point, below) : point
  }
  return undefined
}

export async function probeCgroups(tag: string): Promise<Cgroups> {
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8')
  const membership = readFileSync('/proc/self/cgroup', 'utf8')
  const second = ownFolder(mountinfo, membership, type => type === 'cgroup2')
  const first = ownFolder(mountinfo, membership, (type, options) => type === 'cgroup' && options.split(',').includes('memory'))
  const found: Cgroups = {}
  const inSecond = second === undefined ? 'this machine mounts no cgroup v2' : await tryFolder(join(second, tag), 'cgroup.kill')
  if (second !== undefined && inSecond === undefined) found.kill = join(second, tag)
  else found.killReason = inSecond ?? ''
  const noSecond = found.kill === undefined ? inSecond : await tryFolder(found.kill, 'memory.max')
  if (found.kill !== undefined && noSecond === undefined) return { ...found, memory: { base: found.kill, version: 2 } }
  const noFirst = first === undefined ? 'no memory controller of cgroup v1' : await tryFolder(join(first, tag), 'memory.limit_in_bytes')
  if (first !== undefined && noFirst === undefined) return { ...found, memory: { base: join(first, tag), version: 1 } }
  return { ...found, memoryReason: `no writable memory cgroup (${noSecond}; ${noFirst})` }
}

/** Why no group can be made in a folder, in words: mostly that it belongs to root. */
export const notMade = ({ code = '', message }: NodeJS.ErrnoException, folder: string): string =>
  ['EACCES', 'EPERM', 'EROFS'].includes(code) ? `this user may make no group in ${folder}` : message

/** Makes a group, enters it with a process, removes it. @returns why not, or undefined when all went well */
async function tryFolder(base: string, mustHave: string): Promise<string | undefined> {
  const probe = join(base, 'probe')
  try {
    await makeFolder(probe)
    if (!existsSync(join(probe, mustHave))) return `${dirname(base)} has no ${mustHave}`
    const entered = await execute('/bin/sh', ['-c', 'echo 0 >"$0"', join(probe, 'cgroup.procs')])
    return entered.code === 0 ? undefined : `a process may not enter ${base}: ${entered.stderr.trim()}`
  } catch (error) {
    return notMade(error as NodeJS.ErrnoException, dirname(base))
  } finally {
    await removeFolder(probe)
  }
}

/** Below version 2 the memory controller has to be handed down; where it can not be, `memory.max` is missing and that is noticed. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const base = dirname(folder)
  if (existsSync(join(folder, 'memory.max')) || !existsSync(join(base, 'cgroup.subtree_control'))) return
  for (const level of [dirname(base), base]) await writeFile(join(level, 'cgroup.subtree_control'), '+memory').catch(() => undefined)
}

/** A group that was just killed is busy until its last process is reaped. The base goes with its last unit. */
async function removeFolder(folder: string): Promise<void> {
  for (let tries = 0; existsSync(folder) && tries < 100; tries++) {
    await rmdir(folder).catch(() => new Promise(resolve => setTimeout(resolve, 5)))
  }
  await rmdir(dirname(folder)).catch(() => undefined)
}

/** Where a unit's groups are; made when it starts. Recorded with the unit, for an agent that itself is in another group later. */
export function unitCgroup(cgroups: Cgroups, name: string, memoryBytes: number | undefined): UnitCgroup {
  const kill = cgroups.kill === undefined ? undefined : join(cgroups.kill, name)
  const memory = memoryBytes === undefined ? undefined : cgroups.memory
  const limited = memory === undefined ? undefined : join(memory.base, name)
  return {
    folders: [...new Set([kill, limited].filter(folder => folder !== undefined))],
    ...(kill === undefined ? {} : { kill }),
    ...(memory === undefined || limited === undefined || memoryBytes === undefined
      ? {}
      : { memory: { folder: limited, version: memory.version, bytes: memoryBytes } }),
  }
}

export async function makeUnitCgroup(unit: UnitCgroup): Promise<void> {
  for (const folder of unit.folders) await makeFolder(folder)
  if (unit.memory !== undefined) await limitMemory(unit.memory)
}

/** What the app writes itself into. */
export const procsFiles = (unit: UnitCgroup): string[] => unit.folders.map(folder => join(folder, 'cgroup.procs'))
/** Writing 1 kills all in the group. */
export const killFile = (unit: UnitCgroup): string | undefined => (unit.kill === undefined ? undefined : join(unit.kill, 'cgroup.kill'))
/** Its line `oom_kill` counts the kernel's kills for want of memory. */
export const oomFile = ({ memory }: UnitCgroup): string | undefined =>
  memory === undefined ? undefined : join(memory.folder, memory.version === 2 ? 'memory.events' : 'memory.oom_control')

async function limitMemory({ folder, version, bytes }: NonNullable<UnitCgroup['memory']>): Promise<void> {
  const set = (file: string, value: string) => writeFile(join(folder, file), value)
  const setIfThere = async (file: string, value: string) => (existsSync(join(folder, file)) ? set(file, value) : undefined)
  if (version === 2) {
    await set('memory.max', String(bytes))
    await setIfThere('memory.swap.max', '0')
    return setIfThere('memory.oom.group', '1')
  }
  // Memory may never be above memory and swap together: raise that first when a limit grows, lower it last when it shrinks.
  await setIfThere('memory.memsw.limit_in_bytes', String(bytes)).catch(() => undefined)
  await set('memory.limit_in_bytes', String(bytes))
  await setIfThere('memory.memsw.limit_in_bytes', String(bytes))
}

export async function removeUnitCgroup(unit: UnitCgroup): Promise<void> {
  for (const folder of unit.folders) await removeFolder(folder)
}

/** Undefined where no group tells. Removed meanwhile, it holds nothing. */
export function cgroupPids(unit: UnitCgroup): number[] | undefined {
  if (unit.kill === undefined) return undefined
  const text = readIfThere(join(unit.kill, 'cgroup.procs'))?.toString() ?? ''
  return text.split('\n').filter(Boolean).map(Number)
}

export function killCgroup(file: string): void {
  try {
    writeFileSync(file, '1')
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
