/** The command line's entry. It stays tiny: `--version` is answered before anything else is loaded. */
import { EventEmitter } from 'node:events'
import { writeSync } from 'node:fs'
import { version } from './lib/version.ts'

/** The exit code of that error; the table of all is not worth loading for it. */
const DISK_FULL = 8

const argv = process.argv.slice(2)
if (argv.length === 1 && ['--version', '-V', '-v'].includes(argv[0] ?? '')) process.stdout.write(`${version}\n`)
else process.exitCode = await runCli()

async function runCli(): Promise<number> {
  const { stdout, stderr, env } = process
  const unread = new EventEmitter()
  for (const stream of [stdout, stderr]) stream.on('error', error => endWhenNobodyReads(error, unread))
  const { keepCompiledCode } = await import('./lib/compile-cache.ts')
  keepCompiledCode()
  const { main } = argv[0] === 'status' ? await import('./status.ts') : await import('./cli.ts')
  // Opening stdin takes a millisecond that most commands need not spend.
  return main(argv, {
    stdout,
    stderr,
    env,
    unread,
    cwd: process.cwd(),
    get stdin() {
      return process.stdin
    },
  })
}

/** `fettle logs -f | head`: ends as a program does that SIGPIPE ended, which Node ignores. */
function endWhenNobodyReads(error: NodeJS.ErrnoException, unread: EventEmitter): void {
  if (error.code === 'EPIPE') {
    if (!unread.emit('unread')) process.exit(128 + 13)
    return
  }
  if (error.code !== 'ENOSPC') throw error
  try {
    writeSync(2, `fettle: what it says can not be written: ${error.message}\n`)
  } finally {
    process.exit(DISK_FULL) // also where standard error goes to the same place
  }
}
