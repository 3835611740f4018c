/** Follows an operation with the view that fits: a live tree, plain lines, JSON lines, or the bare output of a command. */
import type { Client } from '../api/client.ts'
import { toFettleError } from '../core/errors.ts'
import type { OperationKind, OperationRecord } from '../core/plan.ts'
import type { Cli } from './cli.ts'
import { listenInterrupts, listenSignals, UNREAD } from './interrupt.ts'
import { errorLines } from './output/error.ts'
import { headLine } from './output/plan.ts'
import { Screen } from './output/screen.ts'
import type { Style } from './output/style.ts'
import { commandStatus, exitCodeOfOperation, servingLines, summaryLines } from './output/summary.ts'
import { commandView, jsonView, liveView, plainView, type View } from './output/view.ts'
import { readOutput } from './output-of.ts'
import type { Pipes } from './pipes.ts'
import { watch } from './watch.ts'

export interface FollowOptions {
  detach: boolean
  verbose: boolean
  /** Shows the steps of the plan already. */
  screen?: Screen | undefined
  /** Through which a command's output comes already. */
  pipes?: Pipes | undefined
}

/** @returns the exit code: of the operation, or of the signal that made us let go of it */
export async function follow(cli: Cli, operation: OperationRecord, options: FollowOptions): Promise<number> {
  if (options.detach) return leave(cli, operation, 0)
  const view = createView(cli, operation, options)
  const detached = new AbortController()
  let code: number | undefined
  const detach = (exitCode: number): void => {
    code = exitCode
    detached.abort()
  }
  let isUnread = false
  const endUnread = (): void => {
    if (!isUnread) void hangUp(cli, operation.id).then(() => detach(UNREAD))
    isUnread = true
  }
  const isSession = options.pipes?.request.terminal !== undefined
  const stopListening = isSession
    ? listenSignals(cli, exitCode => void hangUp(cli, operation.id).then(() => detach(exitCode)))
    : listenInterrupts(cli, {
        // As in a shell, what prints for a reader that is gone ends: `fettle run yes | head`.
        detach: exitCode => (exitCode === UNREAD && options.pipes !== undefined ? endUnread() : detach(exitCode)),
        cancel: now => void cancel(cli, { id: operation.id, now }, view),
        ask: lines => view.below(lines),
      })
  const output =
    view.output === undefined || options.pipes?.request.output !== undefined
      ? undefined
      : readOutput(cli, operation.id, line => view.output?.(line))
  const watchToItsEnd = async (): Promise<void> => {
    try {
      await watch(cli, operation.id, event => view.event(event), detached.signal)
    } finally {
      if (code === undefined) await Promise.all([output?.finish(), options.pipes?.drain()])
    }
  }
  try {
    const ended = watchToItsEnd()
    await Promise.race([ended, options.pipes?.show(cli, operation.id) ?? ended])
  } catch (error) {
    if (code === undefined) throw error
  } finally {
    detached.abort()
    output?.stop()
    stopListening()
    view.close()
  }
  if (code === undefined) return conclude(cli, operation.id, { isSession })
  return isSession || code === UNREAD ? code : leave(cli, operation, code)
}

function createView(cli: Cli, operation: OperationRecord, options: FollowOptions): View {
  if (cli.json) return jsonView(cli, operation)
  if (operation.plan.kind === 'run') return commandView(cli)
  if (!cli.isInteractive || options.verbose) return plainView(cli, operation, options.verbose)
  if (options.screen !== undefined) return liveView(cli, operation, options.screen)
  cli.say(headLine(operation.plan, cli.style))
  return liveView(cli, operation, new Screen(cli.io.stdout, cli.style.unicode))
}

/** A command at a terminal ends with it, and one in a pipe with its reader. */
async function hangUp(cli: Cli, id: string): Promise<void> {
  try {
    const client = await cli.client()
    await client.call('cancel', { id, now: true })
  } catch (error) {
    cli.warn(style => errorLines(toFettleError(error).toJSON(), style))
  }
}

/** Refused past the point of no return: said, and followed on. */
async function cancel(cli: Cli, request: { id: string; now: boolean }, view: View): Promise<void> {
  try {
    const client = await cli.client()
    const { plan } = await client.call('cancel', request)
    const what = plan.kind === 'run' ? 'the command is ended' : 'what was done is undone'
    view.below(['', cli.style.yellow(`  cancelling: ${what}`)])
  } catch (error) {
    view.below(['', ...errorLines(toFettleError(error).toJSON(), cli.style).map(line => `  ${line}`)])
  }
}

/** @param how in a session the command's own last words are the last */
async function conclude(cli: Cli, id: string, { isSession }: { isSession: boolean }): Promise<number> {
  const client = await cli.client()
  const ended = await client.call('operation', { id })
  const status = commandStatus(ended)
  if (isSession && status !== undefined) return status
  if (cli.json) cli.record({ type: 'result', operation: ended, ...(status === undefined ? {} : { status }) })
  else if (ended.state !== 'done' || ended.error !== undefined) cli.warn(style => summaryLines(ended, style))
  else if (ended.plan.kind !== 'run') cli.say(...summaryLines(ended, cli.style), ...(await servingText(cli, client, ended)))
  return exitCodeOfOperation(ended)
}

const CHANGES_WHAT_SERVES = new Set<OperationKind>(['deploy', 'rollback', 'restart', 'scale', 'restore'])

/** After a change, where people find it. */
async function servingText(cli: Cli, client: Client, { plan }: OperationRecord): Promise<string[]> {
  if (!CHANGES_WHAT_SERVES.has(plan.kind) || cli.quiet) return []
  const { app, environment } = plan
  const { environments } = await client.call('status', { app, environment })
  return environments.flatMap(status => servingLines(status, cli.clock.now(), cli.style))
}

function leave(cli: Cli, operation: OperationRecord, code: number): number {
  const { id, plan } = operation
  const lines = (style: Style) => [
    `${plan.kind} ${id} goes on by itself.`,
    `${style.cyan('→')} \`fettle operations follow ${id}\` shows it.`,
  ]
  if (cli.json) cli.record({ type: 'result', operation })
  // What a command printed until then stands on standard output.
  else if (plan.kind === 'run' && code !== 0) cli.warn(lines)
  else cli.say(...lines(cli.style))
  return code
}
