import { fstatSync, readlinkSync } from 'node:fs'
import type { OperationRequest } from '../../api/contract.ts'
import { FettleError } from '../../core/errors.ts'
import type { Cli } from '../cli.ts'
import { type CommandDefinition, ENVIRONMENT, type OptionDefinition } from '../command.ts'
import type { Given } from '../given.ts'
import { operate } from '../operate.ts'
import { readSavedPlan } from '../saved-plan.ts'
import { projectOf } from '../target.ts'

/** Of `deploy`, and of the plan for one. */
export const DEPLOY_OPTIONS: OptionDefinition[] = [
  { flags: '--rehearse <how>', says: 'try it on restored data first', choices: ['on', 'newest-proven', 'off'] },
  { flags: '--accept-unproven', says: 'go on where the rehearsal can not show that it works' },
]

export const deploy: CommandDefinition = {
  arguments: [ENVIRONMENT],
  options: [...DEPLOY_OPTIONS, { flags: '--plan <file>', says: 'carry out exactly this plan, of `fettle plan --out`, or nothing' }],
  takes: ['project', 'operation'],
  example: { line: 'fettle deploy production', does: 'shows what will change, asks, deploys and follows it until the new release serves' },
  async run(cli, given) {
    const file = given.text('plan')
    return file === undefined ? operate(cli, given, deployRequest(cli, given), { asks: 'always' }) : deploySaved(cli, given, file)
  },
}

export function deployRequest(cli: Cli, given: Given): OperationRequest {
  const rehearse = given.text('rehearse') as 'on' | 'newest-proven' | 'off' | undefined
  return {
    kind: 'deploy',
    ...projectOf(given, cli.io.cwd, given.args[0]),
    ...(rehearse === undefined ? {} : { rehearse }),
    acceptUnproven: given.flag('acceptUnproven'),
    ...outputLeftOut(),
  }
}

/** `fettle deploy >deploy.log` in the source folder: a file that grows while the source is read would be another source each time. */
export function outputLeftOut(): { leaveOut?: string[] } {
  const files = new Set([1, 2].flatMap(outputFile))
  return files.size === 0 ? {} : { leaveOut: [...files] }
}

function outputFile(descriptor: number): string[] {
  try {
    return fstatSync(descriptor).isFile() ? [readlinkSync(`/proc/self/fd/${descriptor}`)] : []
  } catch {
    return [] // closed, or no /proc: then it is part of the source, and the deploy says that the source has changed
  }
}

/** Whoever saved the plan has seen it: only where something may be lost is it asked for again. */
async function deploySaved(cli: Cli, given: Given, file: string): Promise<number> {
  const decided = ['rehearse', 'env', 'app', 'file'].some(name => given.text(name) !== undefined) || given.flag('acceptUnproven')
  if (decided || given.args.length > 0)
    throw new FettleError('USAGE', '--plan stands alone: the plan says where to deploy, and how', {
      hint: `\`fettle deploy --plan ${file}\`, or \`fettle plan\` with the other options.`,
    })
  const { request, plan } = await readSavedPlan(cli.io.cwd, file)
  return operate(cli, given, request, { asks: 'danger', basis: plan.basis })
}
