/** The command line's entry. It stays tiny: `--version` is answered before anything else is loaded. */
import { version } from './lib/version.ts'

const argv = process.argv.slice(2)
if (argv.length === 1 && ['--version', '-V', '-v'].includes(argv[0] ?? '')) process.stdout.write(`${version}\n`)
else process.exitCode = await runCli()

async function runCli(): Promise<number> {
  if (!import.meta.filename.endsWith('.ts')) await keepCompiledCode()
  const { main } = await import('./cli/program.ts')
  const { stdout, stderr, env } = process
  // Opening stdin takes a millisecond that most commands need not spend.
  return main(argv, {
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    get stdin() {
      return process.stdin
    },
  })
}

/** Compiled code is kept beside the builds; where root installed them, in the user's cache. */
async function keepCompiledCode(): Promise<void> {
  const { join } = await import('node:path')
  const { constants, enableCompileCache } = await import('node:module')
  const { status } = enableCompileCache(join(import.meta.dirname, '..', '.compile-cache'))
  if (status !== constants.compileCacheStatus.FAILED) return
  const { homedir } = await import('node:os')
  enableCompileCache(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fettle', 'compile-cache'))
}
