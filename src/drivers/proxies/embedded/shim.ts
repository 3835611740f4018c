/**
 * The front's parent: a session leader in POSIX sh that holds the public listener, so that a front that dies loses what was in
 * flight and nothing else: the kernel queues new connections until the next front, started at once, accepts them.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { readIfExists, writeFileAtomic } from '../../../lib/files.ts'
import { ENDED, LOG, PID, PROGRAM, SHIM } from './layout.ts'

/**
 * The program is read anew for each start: a reload is a new file and a USR1 (the front sends it once it accepts no more, and
 * drains beside its successor). Status 0 was asked for and ends the shim. Five quick deaths are forgiven, then it slows down.
 */
const TEXT = `# Written by fettle: starts the front again when it dies.
cd "$1" || exit 1
echo $$ >${PID}.tmp && mv ${PID}.tmp ${PID}
trap '' HUP INT
trap 'stop=yes; kill -TERM "$front" 2>/dev/null' TERM
trap 'next=yes' USR1
deaths=0
stop=
while [ -z "$stop" ]; do
  set -- "$1"
  while IFS= read -r word; do set -- "$@" "$word"; done <${PROGRAM}
  folder=$1
  shift
  if [ -f ${LOG} ] && [ "$(wc -c <${LOG})" -gt 1000000 ]; then mv ${LOG} ${LOG}.1; fi
  next=
  began=$(date +%s)
  "$@" "$folder" </dev/null >>${LOG} 2>&1 &
  front=$!
  set -- "$folder"
  while :; do
    wait "$front"
    status=$?
    if [ "$next" ] || ! kill -0 "$front" 2>/dev/null; then break; fi
  done
  if [ "$next" ]; then continue; fi
  if [ "$status" -eq 0 ]; then break; fi
  if [ $(($(date +%s) - began)) -ge 10 ]; then deaths=0; fi
  deaths=$((deaths + 1))
  echo "$front $status" >${ENDED}
  echo "the front, pid $front, ended with status $status" >>${LOG}
  if [ "$deaths" -gt 5 ]; then sleep $((deaths > 15 ? 10 : deaths - 5)); fi
done
rm -f ${PID}
`

const programText = (program: readonly string[]): string => `${program.join('\n')}\n`

/** Whether this is what the shim would start next. */
export async function isProgram(folder: string, program: readonly string[]): Promise<boolean> {
  return (await readIfExists(join(folder, PROGRAM))) === programText(program)
}

/** @param folder `<home>/front`  @param program argv without the folder, which the shim adds */
export async function writeProgram(folder: string, program: readonly string[]): Promise<void> {
  if (program.some(word => word.includes('\n'))) throw new FettleError('USAGE', 'a word of the front program has a line break in it')
  await writeFileAtomic(join(folder, SHIM), TEXT, 0o600)
  await writeFileAtomic(join(folder, PROGRAM), programText(program), 0o600)
}

/** @param listener descriptor of a listening socket, inherited as `LISTENER_FD` */
export function startShim(folder: string, listener: number): void {
  const stdio = ['ignore', 'ignore', 'ignore', listener] as const
  spawn('/bin/sh', [join(folder, SHIM), folder], { cwd: '/', detached: true, stdio: [...stdio] }).unref()
}
