/** The home of fettle: where the agent and everything it manages lives. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { FettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'

/** `sun_path` holds 108 bytes with the closing NUL; macOS has 104. */
const SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103

export function homeOf(given: string | undefined, env: NodeJS.ProcessEnv, cwd: string): string {
  const chosen = given ?? env.FETTLE_HOME
  if (chosen !== undefined && chosen !== '') return resolve(cwd, chosen)
  if (process.getuid?.() === 0) return '/var/lib/fettle'
  return join(env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local', 'state'), 'fettle')
}

/** @throws FettleError USAGE when no socket fits below the home */
export function socketOf(home: string): string {
  const { socket } = layout(home)
  const length = Buffer.byteLength(socket)
  if (length <= SOCKET_PATH_BYTES) return socket
  throw new FettleError(
    'USAGE',
    `the home ${home} is too long: a unix socket's path may have ${SOCKET_PATH_BYTES} bytes, ${socket} has ${length}`,
    {
      hint: 'Choose a shorter folder with --home or FETTLE_HOME, for example FETTLE_HOME=~/.fettle.',
    },
  )
}
