/** The system's own programs, which the runtime leans on. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'

const FOLDERS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin']

/** Absolute path of a system program: an app's own PATH may lead elsewhere. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map(folder => join(folder, name)).find(path => existsSync(path))
}

export function requireProgram(name: string): string {
  const path = findProgram(name)
  if (path !== undefined) return path
  throw new FettleError('UNSUPPORTED', `the program ${name} is in none of ${FOLDERS.join(', ')}`, {
    hint: 'On Debian it comes with util-linux and coreutils: `apt install util-linux coreutils`.',
  })
}
