/** Whether, and how, this machine lets us lock an app in. Tried, never assumed: a sandbox that lets something through is none. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execute } from '../../../lib/execute.ts'
import { readIfExists } from '../../../lib/files.ts'
import { quote } from '../../../lib/quote.ts'
import { removeTree } from '../../../lib/remove-tree.ts'
import type { RuntimeCaps } from '../../../ports/runtime.ts'
import { findProgram } from './programs.ts'
import { FILTER_ENVIRONMENT, filterArgv } from './sandbox-filter.ts'
import { holderArgv, parseHeld, wallsText } from './sandbox-script.ts'

export const SANDBOX_NEEDS =
  'A sandbox needs Linux 5.12 with overlayfs and seccomp, perl, and root or unprivileged user namespaces (`sysctl kernel.unprivileged_userns_clone=1`).'

export interface Isolation {
  kind: RuntimeCaps['isolation']
  reason?: string
  /** argv that makes the namespaces; a program follows, and is their first process. */
  make: string[]
  /** argv that enters some of the namespaces of a process; a program follows. */
  enter(pid: number, which: Entered): string[]
  /** argv of a program that ends with whoever started it; `confine`: and gives up what could lead out of a sandbox. */
  tie: string[]
  confine: string[]
}

/**
 * `network`: to be reached there. `processes`: seen by no other, while its own folder is still in sight. `rest`: what is missing to
 * that. `all`: at once.
 */
export type Entered = 'network' | 'processes' | 'rest' | 'all'

const NAMESPACES: Record<Entered, readonly string[]> = {
  network: ['--net'],
  processes: ['--pid'],
  rest: ['--net', '--ipc', '--mount'],
  all: ['--pid', '--net', '--ipc', '--mount'],
}

/** What servers need that run as root and become somebody else. The rest could mount, trace, load, make devices, open by handle. */
const KEPT = ['chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'net_bind_service']
const TIED = ['--pdeathsig', 'KILL']
const CONFINED = ['--no-new-privs', '--inh-caps', '-all', '--bounding-set', ['-all', ...KEPT.map(name => `+${name}`)].join()]

/** Root needs no user namespace; for everybody else it is what permits the others, where the distribution lets it. */
const USER_FLAGS = process.getuid?.() === 0 ? [[], ['--map-root-user']] : [['--map-root-user']]

const PROGRAMS = ['unshare', 'nsenter', 'setpriv', 'pivot_root', 'perl']

/** @param folder where a sandbox is tried for a moment */
export async function probeIsolation(folder: string): Promise<Isolation> {
  const missing = PROGRAMS.filter(name => findProgram(name) === undefined)
  if (missing.length > 0) return noIsolation(`${missing.join(', ')} (util-linux, perl-base) can not be found`)
  const filter = filterArgv(findProgram('perl') ?? 'perl', process.arch)
  if (filter === undefined) return noIsolation(`no filter of system calls is known for ${process.arch}`)
  let reason = ''
  for (const user of USER_FLAGS) {
    const isolation = isolationWith(user, filter)
    const said = await tryOnce(isolation, folder)
    if (said === undefined) return isolation
    reason = said
  }
  return noIsolation(`the kernel refuses it: ${reason}`)
}

export const noIsolation = (reason: string): Isolation => ({ kind: 'none', reason, make: [], enter: () => [], tie: [], confine: [] })

function isolationWith(user: string[], filter: string[]): Isolation {
  const [unshare = '', nsenter = '', setpriv = ''] = PROGRAMS.map(name => findProgram(name) ?? name)
  const asUser = user.length > 0 ? ['--user', '--preserve-credentials'] : []
  return {
    kind: 'network+files',
    make: [unshare, ...user, '--net', '--ipc', '--mount', '--pid', '--fork', '--kill-child', '--'],
    enter: (pid, which) => [nsenter, '--target', String(pid), ...(which === 'rest' ? [] : asUser), ...NAMESPACES[which], '--'],
    tie: [setpriv, ...TIED],
    confine: [...filter, setpriv, ...TIED, ...CONFINED],
  }
}

/** To talk to a hypervisor (AF_VSOCK), of which namespaces know nothing. */
const ATTEMPT = ['perl', '-e', String.raw`socket(my $socket, 40, 1, 0) and die "sockets beside the network can be made\n"`]

/** @returns why not, or undefined when all went well */
async function tryOnce({ make, confine }: Isolation, folder: string): Promise<string | undefined> {
  // Always the same: what a killed agent left of it is used up by the next.
  const place = join(folder, 'probe')
  await removeTree(place)
  await mkdir(place, { mode: 0o700 })
  try {
    await writeFile(
      join(place, 'walls'),
      wallsText([
        ['hide', folder],
        ['copy', folder],
      ]),
    )
    const [file = '', ...args] = [...make, ...holderArgv(place, `exec ${[...confine, ...ATTEMPT].map(quote).join(' ')}`)]
    const tried = await execute(file, args, { env: { ...process.env, ...FILTER_ENVIRONMENT } })
    if (tried.code !== 0) return (tried.stderr.trim() || tried.stdout.trim()).split('\n')[0] ?? ''
    return parseHeld((await readIfExists(join(place, 'up'))) ?? '')?.isClosed === true ? undefined : 'its walls did not come up'
  } finally {
    await removeTree(place)
  }
}
