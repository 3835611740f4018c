/**
 * Commands of an operation: each is a unit with a result of its own under a deterministic name, so that a new agent adopts it in
 * place of starting a second.
 */
import { FettleError, FREE_SPACE } from '../core/errors.ts'
import { formatDuration } from '../core/format.ts'
import { commandName } from '../core/names.ts'
import { notFoundHint } from '../core/program-path.ts'
import { tellingLine } from '../core/telling-line.ts'
import type { StepContext } from '../engine/step.ts'
import { alongside } from '../lib/alongside.ts'
import { freeBytes } from '../lib/disk.ts'
import type { Command, CommandResult } from '../ports/runtime.ts'
import type { World } from './world.ts'

const NO_ROOM_BYTES = 64 * 1024

export type CommandBody = Omit<Command, 'name' | 'labels'>

/** The name of a step's command; `part` tells several of one step apart. */
export const stepCommand = (context: StepContext, part = ''): string =>
  commandName(context.operation.id, part === '' ? context.step : `${context.step}-${part}`)

/** Runs it, or adopts it where it runs already, and waits. @throws FettleError LOST; a non-zero status is a result */
export function runCommand(world: World, context: StepContext, body: CommandBody, part = ''): Promise<CommandResult> {
  const { app, environment, id } = context.operation
  return world.runtime.run({ ...body, name: stepCommand(context, part), labels: { app, environment, operation: id } }, context.signal)
}

/** At most so often the last line that a command printed is shown. */
const SHOWN_EVERY_MS = 250

/** Shows the newest line of what the operation's commands print. */
async function showOutput(world: World, context: StepContext, signal: AbortSignal): Promise<void> {
  const { app, environment, id } = context.operation
  let shownAt = 0
  for await (const line of world.runtime.logs({ app, environment, operation: id }, { follow: true, lines: 0 }, signal)) {
    if (world.clock.monotonic() - shownAt < SHOWN_EVERY_MS || line.text.trim() === '') continue
    shownAt = world.clock.monotonic()
    context.progress(line.text.slice(0, 200))
  }
}

/**
 * For what may be done twice: a run that the machine took down with it, of which nobody knows how far it came, is forgotten, so that
 * running it runs it again. @returns whether there was one: what it wrote may be half
 */
export async function forgetLost(world: World, context: StepContext, part = ''): Promise<boolean> {
  const name = stepCommand(context, part)
  if ((await world.runtime.command(name)).state !== 'lost') return false
  await world.runtime.forget(name)
  return true
}

/** A user's command line: must exit 0. A failed one is forgotten, so that trying again runs it again. */
export async function runToSuccess(world: World, context: StepContext, what: string, body: CommandBody, part = ''): Promise<CommandResult> {
  const result = await alongside(
    signal => showOutput(world, context, signal),
    () => runCommand(world, context, body, part),
  )
  if (result.code === 0 && !result.timedOut) return result
  await world.runtime.forget(stepCommand(context, part))
  const ending = result.timedOut ? `did not end within ${formatDuration(body.timeoutMs ?? 0)} and was ended` : `exited ${result.code}`
  // All that is known of the output stands in the context, and is shown below.
  const why = tellingLine(result.tail)
  // Then what it printed could not be kept either.
  if (why === '' && (await freeBytes(world.layout.home)) < NO_ROOM_BYTES)
    throw new FettleError('DISK_FULL', `${what} ${ending}: there is no space left for what it printed`, {
      hint: FREE_SPACE,
    })
  throw new FettleError('COMMAND_FAILED', `${what} ${ending}${why === '' ? '' : `: ${why}`}`, {
    context: { command: body.argv, code: result.code, tail: result.tail },
    hint: [notFoundHint(result.code), `\`fettle logs --operation ${context.operation.id}\` shows all it printed.`]
      .filter(Boolean)
      .join(' '),
  })
}

/** Ends what a step started and forgets it; the undo of every step that runs a command. */
export async function endCommand(world: World, context: StepContext, part = ''): Promise<void> {
  await world.runtime.kill(stepCommand(context, part))
  await world.runtime.forget(stepCommand(context, part))
}
