/**
 * The shim: a POSIX shell that leads a unit's session, supervises its app whether or not an agent lives, and leaves what happened
 * in one line of the file `state`. Here are the texts that it runs; all of them are built by pure functions.
 *
 * Until the first restart it uses builtins only (a fork of `date` or `sleep` there would delay the next answer), and it never
 * holds an app's output: that goes to the file `log`, and a command's to whoever reads it.
 */

import { quote, quoteWords } from '../../../lib/quote.ts'

export interface ShimSettings {
  mode: 'service' | 'command'
  /** Seconds to wait before each next start, in order; the last one repeats. */
  delays: readonly number[]
  /** An app that ran this long starts with the first delay again. */
  stableMs: number
  timeoutMs?: number
  /** Restarts before this shim, when an earlier one was killed. */
  restarts: number
  /** Writing 1 to it kills everything in the unit's cgroup. */
  killFile?: string
  /** Its `oom_kill` counts the kernel's kills for want of memory. */
  oomFile?: string
}

export interface Launch {
  argv: readonly string[]
  cwd: string
  /** Absolute paths of the programs that the launch needs; `setpriv` may be missing. */
  programs: { setsid: string; setpriv?: string; env: string }
  /** `cgroup.procs` files that the app writes itself into. */
  cgroups: readonly string[]
  /** argv that leads into a sandbox. */
  sandbox?: { holder: Holder; way: readonly string[] }
}

/** The line that the shim writes, newline included. */
export const STATE_BYTES = 161

/**
 * `1<>state` overwrites the line in place with one write: no reader ever sees half of it, and no process is forked to rename.
 * Descriptor 3 is the unit's FIFO: a line on it wakes the agent, its end tells that the shim is dead. No app inherits it.
 * The app is a foreground child because a shell starts background ones with SIGINT ignored. It reads its own pid and start time
 * from /proc, writes them before exec, and only then looks for `stop`: whoever asks for a stop writes the file first and reads the
 * state then, so one of the two sees the other.
 * Its own children are ended by KILL: between fork and its first turn a child has its parent's handlers, and drops a TERM.
 * What a command says passes through `tee -p` where somebody reads it: who goes away neither ends it nor keeps it waiting. Both ends
 * of a FIFO are opened at once first, or each would wait for the other. What goes to stdout alone is data, and its reader's only.
 * For a sandbox, `enter` runs this script again in the sandbox's own world of pids, where nobody can be seen by an app; the rest of
 * what shuts it in comes with the launch, when the folder is no longer needed. As /proc is still the one outside, so is the pid read.
 */
const BODY = String.raw`
set -f
read -r boot </proc/sys/kernel/random/boot_id
self=$$ code=- note=- centis=0

say() {
  printf '%-${STATE_BYTES - 1}s\n' "$boot $1 $self $2 $3 $restarts $code $note $centis" 1<>state
  echo >&3
} 2>/dev/null

carry() {
  command exec 4<>"$1" 5>"$1" 4<>"$1.in" 6<"$1.in" 2>/dev/null || return
  (trap '' HUP INT TERM; exec tee -p -a "$2" <&6 >&5 2>/dev/null 3>&- 4>&- 5>&- 6>&- 8>&-) &
  tees="$tees $!"
  exec 6>"$1.in" 4>&- 5>&-
}

open_output() {
  [ -p stderr ] && carry stderr log && exec 8>&6 || return
  [ stdout -ef stderr ] || carry stdout /dev/null
}

app() (
  exec </dev/null >>log 2>&1
  [ -z "$tees" ] || exec >&6 2>&8 6>&- 8>&-
  if [ -p stdin ]; then
    # For both first: to read alone would wait for whoever writes, who may be gone.
    exec 4<>stdin <stdin 4>&-
    rm -f "$(readlink stdin)"
  elif [ -e stdin ]; then
    exec <stdin
  fi
  [ ! -e enter ] || . ./enter
  begin
)

begin() {
  read -r stat </proc/self/stat
  set -- $stat
  pid=$1
  shift 21
  say running "$pid" "$1"
  [ ! -e stop ] || exit 143
  exec 3>&-
  . ./launch
}

if [ "$1" = inside ]; then
  self=$2 restarts=$3 code=$4 note=$5 centis=$6
  begin
fi
trap : HUP INT TERM

count_ooms() {
  ooms=0
  [ -z "$oom_file" ] || while read -r key value; do [ "$key" != oom_kill ] || ooms=$value; done <"$oom_file"
} 2>/dev/null

end_rest() {
  read -r _ _ _ pid _ <state
  kill -KILL "-$pid"
  [ -z "$kill_file" ] || echo 1 >"$kill_file"
} 2>/dev/null

watchdog() {
  exec 3>&-
  sleep "$timeout"
  : >timedout
  read -r _ _ _ pid _ <state
  kill -TERM "-$pid"
  sleep 5
  end_rest
}

tees=
open_output
dog=
[ -z "$timeout" ] || { watchdog & dog=$!; }
set -- $delays
while [ $mode = command ] || [ ! -e stop ]; do
  count_ooms
  before=$ooms
  IFS='. ' read -r seconds rest _ </proc/uptime
  from=$seconds$rest
  app
  code=$?
  IFS='. ' read -r seconds rest _ </proc/uptime
  centis=$(($seconds$rest - from))
  count_ooms
  note=-
  [ "$ooms" = "$before" ] || note=oom
  [ ! -e over-memory ] || { note=oom; rm -f over-memory; }
  [ ! -e timedout ] || note=timeout
  [ -e stop ] || end_rest
  if [ $mode = command ]; then
    exec 6>&- 8>&-
    [ -z "$tees" ] || wait $tees
    say exited 0 0
    trap '' TERM
    [ -z "$dog" ] || kill -KILL "$dog"
    kill 0
    exit
  fi
  [ "$centis" -lt "$stable" ] || set -- $delays
  delay=$1
  [ $# -eq 1 ] || shift
  [ ! -e stop ] || break
  restarts=$((restarts + 1))
  if [ "$delay" != 0 ]; then
    say backoff 0 0
    sleep "$delay" 3>&- &
    wait $! || kill -KILL $!
  fi
done
say stopped 0 0
`

export function shimScript(settings: ShimSettings): string {
  const { mode, delays, stableMs, timeoutMs, restarts, killFile = '', oomFile = '' } = settings
  return `mode=${mode}
delays=${quote(delays.join(' '))}
stable=${Math.round(stableMs / 10)}
timeout=${timeoutMs === undefined ? '' : timeoutMs / 1000}
restarts=${restarts}
kill_file=${quote(killFile)}
oom_file=${quote(oomFile)}
${BODY}`
}

/**
 * What the app's own process runs, from the environment to exec. A session of its own makes everything that it starts (and that
 * stays in it) one process group; pdeathsig takes it along when its shim is killed.
 */
export function launchScript({ argv, cwd, programs, cgroups, sandbox }: Launch): string {
  const lines = ['. ./env', '[ ! -e port ] || { read -r PORT <port; export PORT; }']
  for (const file of cgroups) lines.push(`echo 0 >${quote(file)} || echo 'fettle: could not enter the cgroup' >&2`)
  const tie = programs.setpriv === undefined ? [] : [programs.setpriv, '--pdeathsig', 'KILL']
  if (sandbox === undefined) lines.push(`cd ${quote(cwd)} || exit 126`, `exec ${quoteWords([programs.setsid, ...tie, ...argv])}`)
  else lines.push(sameHolder(sandbox.holder), `exec ${quoteWords([...sandbox.way, programs.env, '-C', cwd, programs.setsid, ...argv])}`)
  return `${lines.join('\n')}\n`
}

/** A process that holds a sandbox: checked, since its pid may be another's by now, whose place is no sandbox. */
export interface Holder {
  pid: number
  startTicks: number
}

const sameHolder = ({ pid, startTicks }: Holder): string =>
  `read -r stat </proc/${pid}/stat && set -- $stat && shift 21 && [ "$1" = ${startTicks} ] || { echo 'fettle: its sandbox is gone'; exit 126; }`

/** Runs the shim's own script again, in the first of the namespaces that `argv` enters. */
export const enterScript = (holder: Holder, argv: readonly string[]): string =>
  `${sameHolder(holder)}\nexec ${quoteWords(argv)} /bin/sh ./shim inside $$ $restarts $code $note $centis\n`

export function envScript(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join('')
}

/** The environment back from `envScript`. */
export function parseEnvScript(text: string): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [, name = '', value = ''] of text.matchAll(/^export (\w+)='((?:[^']|'\\'')*)'$/gm)) env[name] = value.replaceAll(`'\\''`, "'")
  return env
}

export interface ShimState {
  boot: string
  phase: 'running' | 'backoff' | 'stopped' | 'exited'
  shimPid: number
  /** 0 unless running. */
  pid: number
  startTicks: number
  restarts: number
  /** Exit status of the last run that ended. */
  lastCode?: number
  why?: 'oom' | 'timeout'
  lastRanMs: number
}

export function parseState(line: string): ShimState | undefined {
  const [boot, phase, shimPid, pid, startTicks, restarts, code, note, centis] = line.trim().split(' ')
  if (boot === undefined || centis === undefined) return undefined
  return {
    boot,
    phase: phase as ShimState['phase'],
    shimPid: Number(shimPid),
    pid: Number(pid),
    startTicks: Number(startTicks),
    restarts: Number(restarts),
    ...(code === '-' ? {} : { lastCode: Number(code) }),
    ...(note === 'oom' || note === 'timeout' ? { why: note } : {}),
    lastRanMs: Number(centis) * 10,
  }
}
