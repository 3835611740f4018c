import { FettleError } from '../../core/errors.ts'
import type { LogLine } from '../../ports/runtime.ts'
import type { Cli } from '../cli.ts'
import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import type { Given } from '../given.ts'
import { untilInterrupted } from '../interrupt.ts'
import { createLogPrinter } from '../output/logs.ts'
import { targetOf } from '../target.ts'
import { lasting } from '../watch.ts'

const DEFAULT_LINES = 200

export const logs: CommandDefinition = {
  arguments: [ENVIRONMENT],
  options: [
    { flags: '-f, --follow', says: 'go on with new lines until Ctrl-C' },
    { flags: '-s, --service <name>', says: 'only this one' },
    {
      flags: '-o, --operation <id>',
      says: 'what the commands of an operation said: build, migration, drill; of `fettle run` what went to standard error, for the rest was passed on and is not kept',
    },
    { flags: '-n, --lines <count>', says: `how many of the newest, of all runs together; default ${DEFAULT_LINES}` },
    { flags: '--since <duration>', says: 'only lines of the last so long, such as 10m' },
    // -f is --follow here, as everywhere where logs are read.
    { flags: '--file <path>', says: 'the file, or its folder; default: fettle.yaml here or in a folder above' },
    { flags: '-e, --env <name>', says: 'the environment' },
    { flags: '--app <name>', says: 'the app by its name, where its file is gone' },
  ],
  example: { line: 'fettle logs production -f --service web --since 10m', does: 'the last ten minutes of web, then every new line' },
  async run(cli, given) {
    const request = {
      ...(await selection(cli, given)),
      ...(given.text('operation') === undefined ? targetOf(given, cli.io.cwd, given.args[0]) : {}),
      lines: given.count('lines') ?? DEFAULT_LINES,
    }
    await cli.connect({ start: false }) // it only looks
    const print = cli.json ? (line: LogLine) => cli.record(line) : createLogPrinter(line => cli.print(line), cli.style)
    let isEmpty = true
    const printLine = (line: LogLine): void => {
      isEmpty = false
      print(line)
    }
    const code = await untilInterrupted(cli, signal => readLines(cli, { ...request, follow: given.flag('follow') }, printLine, signal))
    if (isEmpty && code === 0 && request.operation !== undefined) await tellOfReader(cli, request.operation)
    return code
  },
}

/** Why there is nothing, where what was printed went to whoever ran it. */
async function tellOfReader(cli: Cli, id: string): Promise<void> {
  const { plan } = await (await cli.client()).call('operation', { id })
  if (!plan.steps.some(({ kind, input }) => kind.startsWith('command.run@') && 'output' in input)) return
  cli.warn(() => [`${id} has no log: what its command printed went to whoever ran it, and only what goes to standard error is kept.`])
}

async function selection(cli: Cli, given: Given): Promise<{ service?: string; operation?: string; sinceMs?: number }> {
  const [service, operation, since] = [given.text('service'), given.text('operation'), given.text('since')]
  const selected = { ...(service === undefined ? {} : { service }), ...(operation === undefined ? {} : { operation }) }
  if (since === undefined) return selected
  const { parseDuration } = await import('../../core/spec/scalars.ts')
  const ageMs = parseDuration(since)
  if (ageMs === undefined)
    throw new FettleError('USAGE', `--since takes a duration of at most ten years, such as 10m or 1h30m, not ${JSON.stringify(since)}`)
  return { ...selected, sinceMs: cli.clock.now() - ageMs }
}

/** Goes on from the last line when the agent was away: none is missed, none comes twice. */
async function readLines(
  cli: Cli,
  request: { follow: boolean; lines: number; sinceMs?: number },
  print: (line: LogLine) => void,
  signal: AbortSignal,
): Promise<void> {
  let cursor: string | undefined
  await lasting(cli, signal, async client => {
    const { lines, sinceMs, ...rest } = request
    const from = cursor === undefined ? { lines, ...(sinceMs === undefined ? {} : { sinceMs }) } : { cursor }
    for await (const line of client.stream('logs', { ...rest, ...from }, signal)) {
      cursor = line.cursor
      print(line)
    }
    return request.follow ? 'again' : 'over'
  })
}
