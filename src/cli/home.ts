/** The home of fettle: where the agent and everything it manages lives. */
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { FettleError } from '../core/errors.ts'
import { layout } from '../core/layout.ts'

/** `sun_path` holds 108 bytes with the closing NUL; macOS has 104. */
const SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103

export function homeOf(given: string | undefined, env: NodeJS.ProcessEnv, cwd: string, uid = process.getuid?.()): string {
  const chosen = given ?? env.FETTLE_HOME
  if (chosen !== undefined && chosen !== '') return resolve(cwd, chosen)
  if (uid === 0) return '/var/lib/fettle'
  // os.homedir() takes an empty HOME as it is, which would be a home in whatever folder one stands.
  return join(env.XDG_STATE_HOME || join(env.HOME || userInfo().homedir, '.local', 'state'), 'fettle')
}

/** @throws FettleError USAGE when not every socket fits below the home */
export function socketOf(home: string): string {
  const { socket, longestSocket } = layout(home)
  const length = Buffer.byteLength(longestSocket)
  if (length <= SOCKET_PATH_BYTES) return socket
  throw new FettleError(
    'USAGE',
    `the home ${home} is too long: a unix socket's path may have ${SOCKET_PATH_BYTES} bytes, and the longest below it has ${length}`,
    {
      hint: 'Choose a shorter folder with --home or FETTLE_HOME, for example FETTLE_HOME=~/.fettle.',
    },
  )
}
