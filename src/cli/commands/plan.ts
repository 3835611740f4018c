import type { Client } from '../../api/client.ts'
import type { OperationRequest } from '../../api/contract.ts'
import { FettleError } from '../../core/errors.ts'
import type { Plan } from '../../core/plan.ts'
import type { Cli } from '../cli.ts'
import { type CommandDefinition, ENVIRONMENT } from '../command.ts'
import { operate } from '../operate.ts'
import { planLines } from '../output/plan.ts'
import { removePlan, savePlan } from '../saved-plan.ts'
import { DEPLOY_OPTIONS, deployRequest } from './deploy.ts'

/** The file may be the very thing that moves the world: where it became part of the source, the plan is for another one. */
async function save(planned: { request: OperationRequest; plan: Plan }, out: string, cli: Cli, client: Client): Promise<void> {
  await savePlan(cli.io.cwd, out, planned)
  try {
    await client.call('plan', { request: planned.request, basis: planned.plan.basis })
  } catch (error) {
    await removePlan(cli.io.cwd, out)
    const moved = error instanceof FettleError && error.code === 'CONFLICT' ? error.context?.moved : undefined
    if (!Array.isArray(moved) || !moved.includes('source')) throw error
    throw new FettleError('REFUSED', `${out} is not saved: it would be part of the source, and the plan no longer be for that source`, {
      hint: 'Name it *.fettle-plan, which is never part of a source, or save it elsewhere.',
      cause: error,
    })
  }
}

export const plan: CommandDefinition = {
  arguments: [ENVIRONMENT],
  options: [...DEPLOY_OPTIONS, { flags: '-o, --out <file>', says: 'save it for `fettle deploy --plan`, and do not ask' }],
  takes: ['project'],
  example: {
    line: 'fettle plan staging --out staging.fettle-plan',
    does: 'shows every difference between fettle.yaml and what runs on staging, and saves how it will be brought about; without --out, at a terminal, it can be carried out at once',
  },
  async run(cli, given) {
    const request = deployRequest(cli, given)
    const out = given.text('out')
    if (out === undefined && cli.isInteractive) return operate(cli, given, request, { asks: 'always', byDefault: false })
    const client = await cli.client()
    const planned = await client.call('plan', { request })
    if (out !== undefined) await save({ request, plan: planned }, out, cli, client)
    cli.answer(planned, style => planLines(planned, style))
    if (out !== undefined)
      cli.say(
        '',
        `${cli.style.cyan('→')} \`fettle deploy --plan ${out}\` carries out exactly this, or nothing when the world has moved by then.`,
      )
    return 0
  },
}
