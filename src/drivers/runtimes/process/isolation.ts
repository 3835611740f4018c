/** Whether, and how, this machine lets us take away a process's network and cover folders. Tried, never assumed. */

import { execute } from '../../../lib/execute.ts'
import type { RuntimeCaps } from '../../../ports/runtime.ts'
import { findProgram } from './programs.ts'

export interface Isolation {
  kind: RuntimeCaps['isolation']
  reason?: string
  /** argv that makes the namespaces; a program follows. */
  make: string[]
  /** Namespaces to enter, as nsenter names them. */
  network: string[]
  files: string[]
}

/**
 * Brings loopback up (perl is essential on Debian, iproute2 is not), covers what is given, says so and stays. `up` is written
 * relative to a folder that may be covered by then.
 */
export const HOLDER_SCRIPT = `
up() {
  ip link set lo up || perl -e 'my $if = pack("a16 s x22", "lo", 0x49); socket(my $s, 2, 2, 0) && ioctl($s, 0x8914, $if) or exit 1'
} 2>/dev/null
up || { echo 'loopback can not be brought up: neither ip nor perl could'; exit 1; }
for path; do
  if [ -d "$path" ]; then mount -t tmpfs -o ro,size=4k,mode=555 fettle "$path" || exit
  elif [ -e "$path" ]; then mount --bind /dev/null "$path" || exit
  fi
done
`

/** Root needs no user namespace; for everybody else it is what permits the others, where the distribution lets it. */
const USER_FLAGS = process.getuid?.() === 0 ? [[], ['--map-root-user']] : [['--map-root-user']]

export async function probeIsolation(coverable: string): Promise<Isolation> {
  const unshare = findProgram('unshare')
  const nsenter = findProgram('nsenter')
  if (unshare === undefined || nsenter === undefined) return none('unshare and nsenter (util-linux) are not installed')
  let reason = ''
  for (const files of [true, false]) {
    for (const user of USER_FLAGS) {
      const make = [unshare, ...user, '--net', ...(files ? ['--mount'] : []), '--']
      const [file = unshare, ...args] = [...make, '/bin/sh', '-c', HOLDER_SCRIPT, 'sh', ...(files ? [coverable] : [])]
      const tried = await execute(file, args)
      if (tried.code === 0) return found(make, user.length > 0, files, reason)
      reason = (tried.stderr.trim() || tried.stdout.trim()).split('\n')[0] ?? ''
    }
  }
  return none(`namespaces are refused: ${reason}`)
}

const none = (reason: string): Isolation => ({ kind: 'none', reason, make: [], network: [], files: [] })

function found(make: string[], user: boolean, files: boolean, reason: string): Isolation {
  const network = ['--net', ...(user ? ['--user', '--preserve-credentials'] : [])]
  if (files) return { kind: 'network+files', make, network, files: [...network, '--mount'] }
  return { kind: 'network', reason: `folders can not be hidden: ${reason}`, make, network, files: network }
}
