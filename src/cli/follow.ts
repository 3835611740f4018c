/** Follows an operation with the view that fits: a live tree, plain lines, JSON lines, or the bare output of a command. */
import type { OperationEvent, OperationRecord } from '../core/plan.ts'
import type { Cli } from './cli.ts'
import { plainLines } from './output/plain.ts'
import { createProgress } from './output/progress.ts'
import { exitCodeOfOperation, summaryLines } from './output/summary.ts'
import { watch } from './watch.ts'

export interface View {
  event(event: OperationEvent): void
  /** Leaves what was drawn and gives the terminal back. Idempotent. */
  close(): void
}

export interface FollowOptions {
  detach: boolean
  verbose: boolean
}

export async function follow(cli: Cli, operation: OperationRecord, options: FollowOptions): Promise<number> {
  if (options.detach) return detached(cli, operation)
  const view = createView(cli, operation, options)
  const detach = new AbortController()
  try {
    await watch(cli, operation.id, event => view.event(event), detach.signal)
  } finally {
    view.close()
  }
  return conclude(cli, operation.id)
}

function createView(cli: Cli, operation: OperationRecord, options: FollowOptions): View {
  if (cli.json) return { event: event => cli.record(event), close: () => {} }
  const progress = createProgress(operation.id, operation.plan, operation.createdAt)
  return { event: event => cli.say(...plainLines(progress, event, cli.style, options.verbose)), close: () => {} }
}

async function conclude(cli: Cli, id: string): Promise<number> {
  const client = await cli.client()
  const ended = await client.call('operation', { id })
  if (cli.json) cli.record({ type: 'result', operation: ended })
  else if (ended.state === 'done') cli.say(...summaryLines(ended, cli.style))
  else cli.warn(style => summaryLines(ended, style))
  return exitCodeOfOperation(ended)
}

function detached(cli: Cli, operation: OperationRecord): number {
  if (cli.json) cli.record({ type: 'result', operation })
  else cli.say(`${operation.plan.kind} ${operation.id} goes on by itself; \`fettle operations follow ${operation.id}\` shows it.`)
  return 0
}
