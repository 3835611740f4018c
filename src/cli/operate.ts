/** What every command that changes the world does: show the plan, ask, begin exactly that plan, follow it to its end. */
import type { OperationRequest } from '../api/contract.ts'
import { FettleError } from '../core/errors.ts'
import type { Basis, Plan } from '../core/plan.ts'
import type { Cli } from './cli.ts'
import { commandLine } from './command-line.ts'
import { follow } from './follow.ts'
import type { Given } from './given.ts'
import { differenceLines, stepLines } from './output/plan.ts'
import { createProgress } from './output/progress.ts'
import { Screen } from './output/screen.ts'
import { treeLines } from './output/tree.ts'
import type { Pipes } from './pipes.ts'
import { confirm, confirmByName } from './prompt.ts'

export interface OperateOptions {
  /** `always`: a person agrees before anything changes. `danger`: only where something may be lost. */
  asks: 'always' | 'danger'
  /** What Enter alone answers; default yes. */
  byDefault?: boolean
  /** Of a plan that was saved: that plan is carried out, or none. */
  basis?: Basis
  /** What its command reads and prints. */
  pipes?: Pipes
}

export async function operate(cli: Cli, given: Given, request: OperationRequest, options: OperateOptions): Promise<number> {
  const client = await cli.client()
  const plan = await client.call('plan', { request, ...(options.basis === undefined ? {} : { basis: options.basis }) })
  const screen = showPlan(cli, plan, given.flag('dryRun'))
  if (plan.empty || given.flag('dryRun')) return 0
  if (!given.flag('yes') && !(await isAgreed(cli, plan, options, screen))) {
    cli.say('Nothing was changed.')
    return 0
  }
  const operation = await client.call('start', { request, basis: plan.basis })
  return follow(cli, operation, { detach: given.flag('detach'), verbose: given.flag('verbose'), screen, pipes: options.pipes })
}

/** That of a command is not in the way of what it prints, unless it is what was asked for. @returns where the steps were drawn, so that they come alive in place; undefined where nothing is redrawn */
function showPlan(cli: Cli, plan: Plan, isAskedFor: boolean): Screen | undefined {
  if (cli.json) cli.record({ type: 'plan', plan })
  if (cli.json || (plan.kind === 'run' && !isAskedFor)) return undefined
  cli.say(...differenceLines(plan, cli.style))
  if (plan.empty) return undefined
  cli.say('')
  if (!cli.isInteractive) {
    cli.say(...stepLines(plan, cli.style))
    return undefined
  }
  const screen = new Screen(cli.io.stdout, cli.style.unicode)
  const rows = Number.POSITIVE_INFINITY
  const tree = treeLines(createProgress('', plan, 0), { now: 0, columns: screen.columns, rows, tick: 0, style: cli.style })
  // The question follows in three lines. What does not fit is printed whole, and scrolls.
  if (tree.length > screen.rows - 3) cli.say(...tree)
  else screen.draw(tree)
  return screen
}

/** @throws FettleError REFUSED when something may be lost and nobody can be asked */
async function isAgreed(cli: Cli, plan: Plan, options: OperateOptions, screen: Screen | undefined): Promise<boolean> {
  if (plan.confirm === undefined) {
    if (options.asks === 'danger' || !cli.isInteractive) return true
    return confirm(cli, 'Carry it out?', options.byDefault ?? true, line => screen?.grow(line))
  }
  if (cli.isInteractive) return confirmByName(cli, plan.environment, line => screen?.grow(line))
  throw new FettleError('REFUSED', `${plan.kind} of ${plan.app}/${plan.environment} needs to be agreed to: ${plan.confirm}`, {
    hint: `\`${commandLine(cli.argv)} --yes\` agrees.`,
    context: { confirm: plan.confirm },
  })
}
