/** Bake: a release that just began to serve is on trial; a breach brings a rollback about, too little traffic is no pass. */
import { formatDuration } from '../core/format.ts'
import type { OperationRecord, Plan } from '../core/plan.ts'
import { basisOf } from './basis.ts'
import { addNotes, readEnvironment } from './environment.ts'
import { returnedNote } from './returned.ts'
import { planRollback } from './rollback.ts'
import type { World } from './world.ts'

export async function planBake(world: World, deploy: OperationRecord): Promise<Plan | undefined> {
  const { app, environment } = deploy.plan
  const { table, serving } = await readEnvironment(world, app, environment)
  const before = switchedFrom(deploy)
  const rules = serving?.spec.release.bake
  const isServing = table.activation === outputText(deploy, 'switch', 'activation')
  if (serving === undefined || rules === undefined || rules.for === 0 || serving.spec.routes.length === 0 || before === '' || !isServing)
    return undefined
  return {
    format: 1,
    kind: 'bake',
    app,
    environment,
    leases: [`${app}/${environment}/trial of ${table.activation}`],
    basis: basisOf({ 'what serves': table.activation }),
    lines: [{ text: `${serving.id} is on trial for ${formatDuration(rules.for)}`, tone: 'plain' }],
    steps: [
      {
        id: 'watch',
        kind: 'bake.watch@1',
        title: `watch ${serving.id} for ${formatDuration(rules.for)}`,
        input: { release: serving.id, activation: table.activation, before, until: world.clock.now() + rules.for, rules },
        after: [],
      },
    ],
  }
}

const switchedFrom = (deploy: OperationRecord): string => {
  const retire = deploy.plan.steps.find(step => step.id === 'retire')
  return typeof retire?.input.activation === 'string' ? retire.input.activation : ''
}

const outputText = (operation: OperationRecord, step: string, key: string): string => {
  const output = operation.steps.find(record => record.id === step)?.output
  const value = typeof output === 'object' && output !== null && !Array.isArray(output) ? output[key] : undefined
  return typeof value === 'string' ? value : ''
}

/** The rollback that a breach, or failed tests on the live route, bring about. */
export async function planReturn(world: World, operation: OperationRecord): Promise<Plan | undefined> {
  const { app, environment } = operation.plan
  const note = operation.plan.kind === 'bake' ? outputText(operation, 'watch', 'breach') : outputText(operation, 'test', 'failure')
  if (note === '') return undefined
  const { serving, releases } = await readEnvironment(world, app, environment)
  const tried =
    operation.plan.kind === 'bake'
      ? String(operation.plan.steps[0]?.input.release)
      : String(operation.plan.steps.find(step => step.id === 'test')?.input.release)
  if (serving?.id !== tried || releases.length < 2) return undefined
  await addNotes(world, serving, { note: returnedNote(note) })
  return { ...(await planRollback(world, { app, environment, data: 'keep' })), parent: operation.id }
}
