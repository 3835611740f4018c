/** What a unit's folder is to hold, from what was asked for. */
import { homedir, userInfo } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { SYSTEM_FOLDERS } from '../../../core/program-path.ts'
import { Secret } from '../../../core/secret.ts'
import { readIfExists } from '../../../lib/files.ts'
import { readBootId } from '../../../lib/proc-files.ts'
import type { Command, Environment, Group, Labels } from '../../../ports/runtime.ts'
import { procsFiles, unitCgroup } from './cgroups.ts'
import type { Host } from './host.ts'
import { FILTER_ENVIRONMENT } from './sandbox-filter.ts'
import { enterScript, type Holder, launchScript } from './shim.ts'
import { renderEnv, type UnitRecord, type UnitTexts } from './unit-files.ts'

/** How a unit gets into a sandbox: argv that a program follows. */
export interface Place {
  holder: Holder
  /** All the way in. */
  way: readonly string[]
  /** The same in two steps, for what says who it is while its folder is still in sight: between them. */
  steps?: readonly [readonly string[], readonly string[]]
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
  const { name, labels, argv, cwd, env, sandbox, limits, timeoutMs, stdin, output } = command
  const { record, texts } = define(host, { kind: 'command', unit: name, labels, argv, cwd, env, sandbox, ...limits, timeoutMs }, place)
  return { record, texts: { ...texts, stdin, output } }
}

export function define(host: Host, wanted: Wanted, place: Place | undefined): Definition {
  const { kind, unit, labels, argv, cwd, memoryBytes, timeoutMs, sandbox, check } = wanted
  const cgroup = unitCgroup(host.cgroups, `${kind === 'service' ? 's' : 'c'}.${unit}`, memoryBytes)
  const launch = (words: string[], way = place?.way) => {
    const sandbox = place === undefined || way === undefined ? undefined : { holder: place.holder, way }
    return launchScript({ argv: words, cwd, programs: host.programs, cgroups: procsFiles(cgroup), sandbox })
  }
  const secrets = Object.keys(wanted.env).filter(name => wanted.env[name] instanceof Secret)
  const created = { boot: readBootId(), createdAt: Math.round(host.clock.now()) }
  return {
    record: { format: 1, kind, unit, labels, ...created, memoryBytes, timeoutMs, sandbox, cgroup, secrets },
    texts: {
      env: { ...baseEnvironment(), ...(place === undefined ? {} : SANDBOX_ENVIRONMENT), ...wanted.env },
      launch: launch(argv, place?.steps?.[1]),
      enter: place?.steps === undefined ? undefined : enterScript(place.holder, place.steps[0]),
      check: check === undefined ? undefined : launch(['/bin/sh', '-c', check]),
    },
  }
}

/** For an app that wants to know, or to send its mail where it is counted. */
const SANDBOX_ENVIRONMENT = { FETTLE_SANDBOX: '1', FETTLE_SMTP_URL: 'smtp://127.0.0.1:1025', ...FILTER_ENVIRONMENT }

/** Little and the same everywhere: what an app needs of the agent's own environment is declared in its file. */
function baseEnvironment(): Environment {
  const { username } = userInfo()
  const path = [dirname(process.execPath), ...SYSTEM_FOLDERS]
  const { LANG = 'C.UTF-8', TZ } = process.env
  return { PATH: path.join(delimiter), HOME: homedir(), USER: username, LOGNAME: username, LANG, ...(TZ === undefined ? {} : { TZ }) }
}

/** The folder holds this already, so what runs from it needs no restart. */
export async function isAsDefined(folder: string, present: UnitRecord, { record, texts }: Definition): Promise<boolean> {
  const names = ['launch', 'enter', 'check'] as const
  const [env, ...scripts] = await Promise.all(['env', ...names].map(name => readIfExists(join(folder, name))))
  const isSame = env === renderEnv(texts.env, folder) && names.every((name, index) => scripts[index] === texts[name])
  return isSame && present.memoryBytes === record.memoryBytes
}
