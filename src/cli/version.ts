/** The version of this program. A bundler replaces the constant; from source it is read from package.json. */
import { readFileSync } from 'node:fs'

declare const FETTLE_VERSION: string | undefined

export const VERSION: string = typeof FETTLE_VERSION === 'string' ? FETTLE_VERSION : fromPackage()

function fromPackage(): string {
  return (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
}
