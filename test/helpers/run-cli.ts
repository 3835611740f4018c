/** Runs the command line in process with pipes in place of a terminal. */
import { PassThrough } from 'node:stream'
import { main } from '../../src/cli.ts'
import type { Clock } from '../../src/ports/clock.ts'

export interface Ran {
  code: number
  stdout: string
  stderr: string
  /** Of a command with --json. */
  json(): unknown
  /** Of a command that prints one JSON text a line. */
  records(): Record<string, unknown>[]
}

export interface RunOptions {
  home: string
  cwd?: string
  env?: NodeJS.ProcessEnv
  stdin?: string
  clock?: Clock
}

export async function runCli(argv: string[], options: RunOptions): Promise<Ran> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end(options.stdin ?? '')
  const texts = [collect(stdout), collect(stderr)]
  const env = { PATH: process.env.PATH, HOME: options.home, LANG: 'C.UTF-8', FETTLE_HOME: options.home, ...options.env }
  const io = {
    stdin,
    stdout,
    stderr,
    env,
    cwd: options.cwd ?? options.home,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  }
  const code = await main(argv, io)
  stdout.end()
  stderr.end()
  const [out = '', err = ''] = await Promise.all(texts)
  return {
    code,
    stdout: out,
    stderr: err,
    json: () => JSON.parse(out),
    records: () =>
      out
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
  }
}

async function collect(stream: PassThrough): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}
