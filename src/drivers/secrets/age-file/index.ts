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
