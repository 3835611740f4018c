/** Which app and environment a command means. */
import { existsSync, readlinkSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { FettleError } from '../core/errors.ts'
import type { Given } from './given.ts'

export interface Target {
  file?: string
  app?: string
  environment?: string
}

/** The nearest fettle.yaml, from this folder upwards. @throws FettleError NOT_FOUND for a link that leads nowhere */
export function findFile(cwd: string): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const path = join(folder, 'fettle.yaml')
    if (isThere(path)) return path
    if (dirname(folder) === folder) return undefined
  }
}

/** @param otherwise what else may be named. @throws FettleError NOT_FOUND, with what to do */
export function fileOf(given: Given, cwd: string, otherwise = ''): string {
  const named = given.text('file')
  const path = named === undefined ? findFile(cwd) : fileIn(resolve(cwd, named))
  if (path !== undefined && isThere(path)) return path
  if (named !== undefined)
    throw new FettleError('NOT_FOUND', `there is no file ${path}`, {
      hint: '`fettle init` writes a fettle.yaml for the folder it is run in.',
    })
  throw new FettleError('NOT_FOUND', `there is no fettle.yaml in ${cwd} or a folder above it`, {
    hint: `\`fettle init\` writes one; -f names another file${otherwise}.`,
  })
}

/** A folder means the fettle.yaml in it. */
const fileIn = (path: string): string => (existsSync(path) && statSync(path).isDirectory() ? join(path, 'fettle.yaml') : path)

/** @throws FettleError NOT_FOUND for a link that leads nowhere: another file, found above it, is not what is meant */
function isThere(path: string): boolean {
  if (existsSync(path)) return true
  const target = linkTarget(path)
  if (target === undefined) return false
  throw new FettleError('NOT_FOUND', `${path} is a link to ${target}, which leads to no file`, {
    hint: 'Mend the link, or put the file there.',
  })
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined // no link, or nothing at all
  }
}

/** Says nothing about the app where there is no file: every app is meant. */
export function wideTargetOf(given: Given, cwd: string, environment?: string): Target {
  const app = given.text('app')
  const file = app === undefined ? (given.text('file') === undefined ? findFile(cwd) : fileOf(given, cwd)) : undefined
  return { ...(file === undefined ? {} : { file }), ...(app === undefined ? {} : { app }), ...environmentOf(given, environment) }
}

/** One app; `environment` is what was named without --env. @throws FettleError NOT_FOUND when there is neither a file nor --app */
export function targetOf(given: Given, cwd: string, environment?: string): Target {
  const app = given.text('app')
  const named = app === undefined ? { file: fileOf(given, cwd, '; --app names an app that fettle already knows') } : { app }
  return { ...named, ...environmentOf(given, environment) }
}

/** For what can not be without the file. @throws FettleError NOT_FOUND */
export function projectOf(given: Given, cwd: string, environment?: string): Target {
  return { file: fileOf(given, cwd), ...environmentOf(given, environment) }
}

function environmentOf(given: Given, positional: string | undefined): { environment?: string } {
  const named = given.text('env')
  if (named !== undefined && positional !== undefined && named !== positional)
    throw new FettleError('USAGE', `two environments are named: ${positional} and --env ${named}`, { hint: 'Name it once.' })
  const environment = positional ?? named
  return environment === undefined ? {} : { environment }
}
