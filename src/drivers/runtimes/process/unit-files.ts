/**
 * The folder of a unit: everything about it, readable without fettle.
 *
 *   spec.json  what it is; the folder is complete once this is there      env, enter, launch, check, shim   what runs (sh)
 *   port       the port it was given            stdin      what a command reads
 *   state      one line by the shim             alive      FIFO that only the shim holds open for writing
 *   stdout, stderr   named pipes of whoever reads what a command prints; stdout.in, stderr.in   the FIFOs that it prints to
 *   stop       asked to end, not to be restarted            over-memory, timedout   why it was ended
 *   log, log.* its output
 */
import { statSync } from 'node:fs'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FettleError, toFettleError } from '../../../core/errors.ts'
import { Secret } from '../../../core/secret.ts'
import { makeFifos } from '../../../lib/fifo.ts'
import { readIfExists, readNow, writeFileAtomic } from '../../../lib/files.ts'
import { readKept } from '../../../lib/kept-file.ts'
import { createRedactor, type Redactor } from '../../../lib/redact.ts'
import type { Command, Environment, Labels } from '../../../ports/runtime.ts'
import type { UnitCgroup } from './cgroups.ts'
import { envScript, parseEnvScript, parseState, type ShimState } from './shim.ts'

export interface UnitRecord {
  format: 1
  kind: 'service' | 'command'
  /** For people: group and index, or the command. */
  unit: string
  labels: Labels
  /** Of the boot in which the folder was written: what ran in an earlier one is gone. */
  boot: string
  /** Wall clock, ms. */
  createdAt: number
  /** Of its log, which goes on when the record is written anew; without: `createdAt`. */
  logBegan?: number
  memoryBytes?: number
  timeoutMs?: number
  sandbox?: string
  cgroup: UnitCgroup
  /** Names of the variables that hold secrets. */
  secrets: string[]
}

export interface UnitTexts {
  env: Environment
  launch: string
  /** Leads into a sandbox. */
  enter?: string
  /** Runs the readiness command with the environment and in the place of the app. */
  check?: string
  port?: number
  stdin?: Command['stdin']
  output?: Command['output']
}

const reveal = (value: string | Secret) => (value instanceof Secret ? value.reveal() : value)

/** Writes the folder, its record last and everything durable: a record means that all of it is there. */
export async function writeUnitFolder(folder: string, record: UnitRecord, texts: UnitTexts): Promise<void> {
  const put = (name: string, text: string | undefined) =>
    text === undefined ? rm(join(folder, name), { force: true }) : writeFile(join(folder, name), text, { mode: 0o600 })
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await Promise.all([
      put('env', renderEnv(texts.env, folder)),
      put('launch', texts.launch),
      put('enter', texts.enter),
      put('check', texts.check),
      put('port', texts.port === undefined ? undefined : `${texts.port}\n`),
      putStdin(join(folder, 'stdin'), texts.stdin),
      putOutput(folder, texts.output),
    ])
    await writeFileAtomic(join(folder, 'spec.json'), `${JSON.stringify(record, null, 2)}\n`, 0o600)
  } catch (error) {
    throw toFettleError(error, `writing the folder of ${record.unit}`)
  }
}

async function putStdin(path: string, stdin: Command['stdin']): Promise<void> {
  await rm(path, { force: true })
  if (typeof stdin === 'object' && 'pipe' in stdin) await symlink(stdin.pipe, path)
  else if (stdin !== undefined) await writeFile(path, reveal(stdin), { mode: 0o600 })
}

async function putOutput(folder: string, output: Command['output']): Promise<void> {
  if (output === undefined) return
  const paths = [join(folder, 'stdout'), join(folder, 'stderr')] as const
  for (const path of paths.flatMap(path => [path, `${path}.in`])) await rm(path, { force: true })
  await Promise.all([symlink(output.stdout, paths[0]), symlink(output.stderr, paths[1]), makeFifos(...paths.map(path => `${path}.in`))])
}

/** FETTLE_UNIT finds what the app started, however deep: the folder is the one name that no other home on the machine shares. */
export const UNIT_VARIABLE = 'FETTLE_UNIT'
export const unitMark = (folder: string): string => `${UNIT_VARIABLE}=${folder}`

export function renderEnv(env: Environment, folder: string): string {
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new FettleError('SPEC_INVALID', `${name} is no name for an environment variable`)
    if (reveal(value).includes('\0'))
      throw new FettleError('SPEC_INVALID', `the value of ${name} holds a zero byte, which no environment can`)
  }
  const values = Object.entries(env).map(([name, value]) => [name, reveal(value)])
  return envScript({ ...Object.fromEntries(values), FETTLE_UNIT: folder })
}

export async function readUnitRecord(folder: string): Promise<UnitRecord | undefined> {
  const hint = `Bring it back from a copy of the home. Or end what runs with FETTLE_UNIT=${folder} in its environment, and remove that folder.`
  return readKept<UnitRecord>({ path: join(folder, 'spec.json'), hint })
}

/** When its log was begun: with the unit's name, what tells it from all others. */
export const logBegan = (record: UnitRecord): number => record.logBegan ?? record.createdAt

/** Hides the unit's own secrets in what it printed. */
export async function redactorOf(folder: string, record: UnitRecord): Promise<Redactor> {
  const env = parseEnvScript((await readIfExists(join(folder, 'env'))) ?? '')
  return createRedactor(record.secrets.map(name => new Secret(env[name] ?? '')))
}

export const readState = (folder: string): ShimState | undefined => parseState(readNow(join(folder, 'state')) ?? '')
export const readPort = (folder: string): number | undefined => Number(readNow(join(folder, 'port'))) || undefined
export const readStop = (folder: string): string | undefined => readNow(join(folder, 'stop'))

/** How far its end came. On a full disk the file is there and empty, which is as good as `requested`: an end must not need room. */
export async function writeStop(folder: string, how: 'requested' | 'signalled' | 'dead'): Promise<void> {
  try {
    await writeFile(join(folder, 'stop'), how)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC' || !hasFile(folder, 'stop')) throw error
  }
}

export const hasFile = (folder: string, name: string): boolean => statSync(join(folder, name), { throwIfNoEntry: false }) !== undefined
