import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { identifier } from '../../../core/spec/scalars.ts'
import type { Clock } from '../../../ports/clock.ts'
import { SecretFile, type SecretFilePlace } from './driver.ts'

/** The secrets of one environment. Touches nothing until it is used. @throws FettleError USAGE */
export function openSecretFile(place: SecretFilePlace, clock: Clock): SecretFile {
  for (const name of [place.app, place.environment]) {
    if (!identifier.safeParse(name).success) throw new FettleError('USAGE', `${JSON.stringify(name)} is no name of an app or environment`)
  }
  return new SecretFile(place, clock)
}

/** What is in a project only for this driver: no part of the program, which stays the same when a secret changes. */
export function secretFilesOf(project: string): string[] {
  const folder = join(project, 'secrets')
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names.filter(name => name.endsWith('.age') || name === 'recipients.txt').map(name => join(folder, name))
}
