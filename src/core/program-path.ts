/** Where builds, services and `fettle run` find programs: the same whoever deploys and whatever shell the agent was started from. */

/** Behind the folder of fettle's own Node. */
export const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** What a shell ends with when there is no program of that name. */
const NO_SUCH_PROGRAM = 127

/** What to do about a command that ended so; undefined when that is not why. */
export function notFoundHint(exitCode: number | undefined): string | undefined {
  if (exitCode !== NO_SUCH_PROGRAM) return undefined
  return 'The program is not in PATH, which holds the Node of fettle and the folders of the system, nothing of your shell. Let a command of `build` install it, or write `PATH=<its folder>:$PATH` before the command; a service, and `fettle run` with it, can have `env: { PATH: … }`.'
}
