/**
 * The wall that is no namespace: a filter of system calls (seccomp) against what leads out of every namespace. Sockets are let through
 * of the families that a network of its own confines, and no others: on AF_VSOCK a hypervisor answers. All that an app starts inherits
 * it, and nobody can take it off.
 */

/** One way to call the kernel. */
interface Abi {
  /** As the kernel's `AUDIT_ARCH_*`. */
  name: number
  /** Numbers of socket and socketpair. */
  sockets: readonly [number, number]
  /** Numbers of io_uring_setup, add_key, request_key, keyctl, perf_event_open and bpf. */
  refused: readonly number[]
}

interface Machine {
  /** Number of seccomp. */
  seccomp: number
  /** All that its kernel may answer to, whatever a program was built for. */
  abis: readonly Abi[]
}

const GENERIC = { sockets: [198, 199], refused: [425, 217, 218, 219, 241, 280] } as const

/**
 * By Node's name, all little-endian. Refused, as by a kernel that was built without, are io_uring, which makes sockets that no filter
 * sees; keys, which are the machine's, and may start a program outside that looks for them; perf, which may be let to watch other
 * processes; bpf, which runs in the kernel; and i386's socketcall (102), which keeps the family where no filter can look.
 */
const MACHINES: Partial<Record<string, Machine>> = {
  x64: {
    seccomp: 317,
    abis: [
      { name: 0xc000003e, sockets: [41, 53], refused: [425, 248, 249, 250, 298, 321] },
      { name: 0x40000003, sockets: [359, 360], refused: [425, 286, 287, 288, 336, 357, 102] },
    ],
  },
  arm64: {
    seccomp: 277,
    abis: [
      { name: 0xc00000b7, ...GENERIC },
      { name: 0x40000028, sockets: [281, 288], refused: [425, 309, 310, 311, 364, 386] },
    ],
  },
  riscv64: { seccomp: 277, abis: [{ name: 0xc00000f3, ...GENERIC }] },
  loong64: { seccomp: 277, abis: [{ name: 0xc0000102, ...GENERIC }] },
}

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK */
const FAMILIES = [1, 2, 10, 16]
/** x32 has x86-64's name, and numbers from here. No other way of calling has any so high. */
const X32 = 0x40000000

/** Where 32 bits of `struct seccomp_data` are: the low ones of the first argument, as it is an int. */
const NUMBER = 0
const ABI = 4
const FAMILY = 16

const ALLOW = 0x7fff0000
const KILL = 0x80000000
const NO_SUCH_CALL = 0x50000 | 38
const NO_SUCH_FAMILY = 0x50000 | 97

const LOAD = 0x20
const IF_EQUAL = 0x15
const IF_AT_LEAST = 0x35
const RETURN = 0x06

/** Of classic BPF: code, how many to skip where it holds and where not, operand. */
export type Instruction = readonly [code: number, yes: number, no: number, operand: number]

const load = (offset: number): Instruction => [LOAD, 0, 0, offset]
const verdict = (what: number): Instruction => [RETURN, 0, 0, what]
const when = (test: number, operand: number, what: number): Instruction[] => [[test, 0, 1, operand], verdict(what)]

const callsFilter = ({ sockets: [socket, pair], refused }: Abi): Instruction[] => [
  load(NUMBER),
  ...when(IF_AT_LEAST, X32, NO_SUCH_CALL),
  ...refused.flatMap(number => when(IF_EQUAL, number, NO_SUCH_CALL)),
  [IF_EQUAL, 2, 0, socket],
  [IF_EQUAL, 1, 0, pair],
  verdict(ALLOW),
  load(FAMILY),
  ...FAMILIES.flatMap(family => when(IF_EQUAL, family, ALLOW)),
  verdict(NO_SUCH_FAMILY),
]

function abiFilter(abi: Abi): Instruction[] {
  const calls = callsFilter(abi)
  return [[IF_EQUAL, 0, calls.length, abi.name], ...calls]
}

/** What calls in a way that is not in the table ends with SIGSYS. */
const machineFilter = ({ abis }: Machine): Instruction[] => [load(ABI), ...abis.flatMap(abiFilter), verdict(KILL)]

/** @returns undefined where it is not known how */
export function filterFor(name: string): Instruction[] | undefined {
  const machine = MACHINES[name]
  return machine && machineFilter(machine)
}

/** Perl complains about locales that the machine does not have, into the app's log. The app does not see this. */
export const FILTER_ENVIRONMENT = { PERL_BADLANG: '0' }

/** 4: without the brake on speculation that came with filters before Linux 5.16. The app is to be as fast as it will be live. */
function installScript(machine: Machine): string {
  const filter = machineFilter(machine)
  return `
my $filter = pack '(SCCL)*', ${filter.flat().join()};
my $program = pack 'S x![P] P', ${filter.length}, $filter;
syscall(${machine.seccomp}, 1, 4, $program) == 0 or die "no filter of system calls: $!\\n";
delete $ENV{PERL_BADLANG};
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n";
`
}

/**
 * argv that puts the filter in place; a program follows. It needs powers that an app is not to have, so they are given up after it:
 * who has less can not trace it before it is done. `-t`, for the environment is the app's, and what that asks of Perl must not count.
 * @returns undefined where it is not known how
 */
export function filterArgv(perl: string, name: string): string[] | undefined {
  const machine = MACHINES[name]
  return machine && [perl, '-tXC0', '-e', installScript(machine)]
}
