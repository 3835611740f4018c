/** What every command that changes the world does: show the plan, ask, begin exactly that plan, follow it to its end. */
import type { OperationRequest } from '../api/contract.ts'
import { FettleError } from '../core/errors.ts'
import type { Plan } from '../core/plan.ts'
import type { Cli } from './cli.ts'
import type { Given } from './command.ts'
import { follow } from './follow.ts'
import { planLines } from './output/plan.ts'
import { confirm, confirmByName } from './prompt.ts'

export interface OperateOptions {
  /** `always`: a person agrees before anything changes. `danger`: only where something may be lost. */
  asks: 'always' | 'danger'
  /** The same command in full, for whoever must repeat it with --yes. */
  command: string
  /** Refused when the world moved since this plan was made. */
  basis?: string
}

export async function operate(cli: Cli, given: Given, request: OperationRequest, options: OperateOptions): Promise<number> {
  const client = await cli.client()
  const plan = await client.call('plan', { request })
  if (cli.json) cli.record({ type: 'plan', plan })
  else if (request.kind !== 'run') cli.say(...planLines(plan, cli.style))
  if (plan.empty || given.flag('dryRun')) return 0
  if (!given.flag('yes') && !(await isAgreed(cli, plan, options))) {
    cli.say('Nothing was changed.')
    return 0
  }
  const operation = await client.call('start', { request, basis: options.basis ?? plan.basis })
  return follow(cli, operation, { detach: given.flag('detach'), verbose: given.flag('verbose') })
}

/** @throws FettleError REFUSED when something may be lost and nobody can be asked */
async function isAgreed(cli: Cli, plan: Plan, options: OperateOptions): Promise<boolean> {
  if (plan.confirm !== undefined) {
    if (cli.isInteractive) return confirmByName(cli, plan.environment)
    throw new FettleError('REFUSED', `${plan.kind} of ${plan.app}/${plan.environment} needs to be agreed to: ${plan.confirm}`, {
      hint: `\`${options.command} --yes\` agrees.`,
      context: { confirm: plan.confirm },
    })
  }
  return options.asks === 'danger' || !cli.isInteractive || confirm(cli, 'Carry it out?', true)
}
