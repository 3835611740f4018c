/** Runs one command line with the commands it is handed: words in, exit code out. Nothing here ends the process. */
import { exitCodeOf, type FettleError, toFettleError } from '../core/errors.ts'
import { Cli } from './cli.ts'
import type { Commands } from './command.ts'
import type { Io } from './io.ts'
import { errorLines } from './output/error.ts'
import { columnsOf, createStyle, hasColour, isUnicode, toAscii } from './output/style.ts'
import { wrapLine } from './output/width.ts'
import { parse, splitCommand } from './parser.ts'

export async function dispatch(argv: string[], io: Io, commands: Commands): Promise<number> {
  // Whoever read us may be gone: `fettle logs | head`, a lost terminal. What must react listens for itself.
  for (const stream of [io.stdout, io.stderr]) stream.on('error', ignoreLost)
  try {
    const parsed = await parse(argv, commands, {
      out: text => io.stdout.write(isUnicode(io.env) ? text : toAscii(text)),
      hasColours: hasColour(io.stdout, io.env, argv.includes('--no-color')),
      columns: Math.min(io.stdout.columns ?? 100, 120),
    })
    if (parsed?.definition.run === undefined) return 0
    return await parsed.definition.run(new Cli(io, parsed.given, argv), parsed.given, commands)
  } catch (thrown) {
    const error = toFettleError(thrown)
    tell(error, argv, io)
    return commands[splitCommand(argv).name ?? '']?.ownFailure ?? exitCodeOf(error.code)
  }
}

function ignoreLost(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
}

/** An INTERNAL error is a mistake of ours: whoever reports it needs the stack. */
function tell(error: FettleError, argv: string[], io: Io): void {
  const words = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  if (words.includes('--json')) io.stdout.write(`${JSON.stringify(error)}\n`)
  else {
    const style = createStyle(hasColour(io.stderr, io.env, words.includes('--no-color')), isUnicode(io.env), columnsOf(io.stderr))
    const stack = error.code === 'INTERNAL' && error.cause instanceof Error ? (error.cause.stack ?? '').split('\n').slice(1) : []
    const text = [...errorLines(error.toJSON(), style), ...stack.map(style.dim)]
      .flatMap(line => wrapLine(line, style.columns))
      .map(line => `${line}\n`)
      .join('')
    io.stderr.write(style.unicode ? text : toAscii(text))
  }
}
