/** What a unit's folder is to hold, from what was asked for. */
import { homedir, userInfo } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { Secret } from '../../../core/secret.ts'
import { readIfExists } from '../../../lib/files.ts'
import type { Command, Environment, Group, Labels } from '../../../ports/runtime.ts'
import { procsFiles, unitCgroup } from './cgroups.ts'
import type { Host } from './host.ts'
import { readBootId } from './proc.ts'
import { launchScript } from './shim.ts'
import { renderEnv, type UnitRecord, type UnitTexts } from './unit-files.ts'

/** How a unit enters a sandbox: argv before the app's, and who holds it. */
export interface Place {
  enter: readonly string[]
  holder: { pid: number; startTicks: number }
}

export interface Definition {
  record: UnitRecord
  texts: UnitTexts
}

export interface Wanted {
  kind: UnitRecord['kind']
  unit: string
  labels: Labels
  argv: string[]
  cwd: string
  env: Environment
  memoryBytes?: number
  timeoutMs?: number
  sandbox?: string
  check?: string
}

export const instanceName = (group: string, index: number): string => `${group}.${index}`

export function defineInstance(host: Host, group: Group, index: number, place: Place | undefined): Definition {
  const { labels, argv, cwd, env, sandbox, limits, ready } = group
  const unit = instanceName(group.name, index)
  return define(host, { kind: 'service', unit, labels, argv, cwd, env, sandbox, ...limits, check: ready?.command }, place)
}

export function defineCommand(host: Host, command: Command, place: Place | undefined): Definition {
  const { name, labels, argv, cwd, env, sandbox, limits, timeoutMs, stdin } = command
  const { record, texts } = define(host, { kind: 'command', unit: name, labels, argv, cwd, env, sandbox, ...limits, timeoutMs }, place)
  return { record, texts: { ...texts, stdin } }
}

export function define(host: Host, wanted: Wanted, place: Place | undefined): Definition {
  const { kind, unit, labels, argv, cwd, memoryBytes, timeoutMs, sandbox, check } = wanted
  const cgroup = unitCgroup(host.cgroups, `${kind === 'service' ? 's' : 'c'}.${unit}`, memoryBytes)
  const launch = (words: string[]) =>
    launchScript({ argv: words, cwd, programs: host.programs, cgroups: procsFiles(cgroup), sandbox: place })
  const secrets = Object.keys(wanted.env).filter(name => wanted.env[name] instanceof Secret)
  const created = { boot: readBootId(), createdAt: Math.round(host.clock.now()) }
  return {
    record: { format: 1, kind, unit, labels, ...created, memoryBytes, timeoutMs, sandbox, cgroup, secrets },
    texts: {
      env: { ...baseEnvironment(), ...(place === undefined ? {} : { FETTLE_SANDBOX: '1' }), ...wanted.env },
      launch: launch(argv),
      check: check === undefined ? undefined : launch(['/bin/sh', '-c', check]),
    },
  }
}

/** Little and the same everywhere: what an app needs of the agent's own environment is declared in its file. */
function baseEnvironment(): Environment {
  const { username } = userInfo()
  const path = [dirname(process.execPath), '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  const { LANG = 'C.UTF-8', TZ } = process.env
  return { PATH: path.join(delimiter), HOME: homedir(), USER: username, LOGNAME: username, LANG, ...(TZ === undefined ? {} : { TZ }) }
}

/** The folder holds this already, so what runs from it needs no restart. */
export async function isAsDefined(folder: string, present: UnitRecord, { record, texts }: Definition): Promise<boolean> {
  const [env, launch, check] = await Promise.all(['env', 'launch', 'check'].map(name => readIfExists(join(folder, name))))
  return (
    env === renderEnv(texts.env, folder) && launch === texts.launch && check === texts.check && present.memoryBytes === record.memoryBytes
  )
}
