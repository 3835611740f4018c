/** What going back to a snapshot would take away, counted before anybody is asked. */
import { randomBytes } from 'node:crypto'
import { formatCount } from '../core/format.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { StepContext } from '../engine/step.ts'
import type { Manifest } from '../ports/repository.ts'
import { endCommand } from './commands.ts'
import { changedSinceTask, removeWork } from './data-tasks.ts'
import type { Environment } from './environment.ts'
import { storeConfigs } from './snapshots.ts'
import type { World } from './world.ts'

export async function countLoss(
  world: World,
  environment: Environment,
  spec: Spec,
  manifest: Manifest,
  names: string[],
): Promise<{ rows: number; text: string }> {
  const context = planningContext(environment)
  const folders = Object.fromEntries(names.map(name => [name, environment.table.stores[name] ?? '']).filter(([, folder]) => folder !== ''))
  if (Object.keys(folders).length === 0) return { rows: 0, text: 'there is no data now' }
  try {
    const loss = await changedSinceTask(world, context, {
      manifest,
      configs: storeConfigs(spec, names) as never,
      folders,
      backups: spec.backups,
    })
    const amount = `${loss.precision === 'at-least' ? 'at least ' : ''}${formatCount(loss.rows)}`
    return { rows: loss.rows, text: loss.rows === 0 ? 'nothing was written since' : `${amount} rows or files written since would be lost` }
  } finally {
    await endCommand(world, context)
    await removeWork(world, context.operation.id)
  }
}

/** Counting is no operation: its command has a name of its own that nothing else will adopt. */
function planningContext({ app, environment }: Environment): StepContext {
  return {
    operation: { id: `plan${randomBytes(4).toString('hex')}`, kind: 'restore', app, environment },
    step: 'loss',
    attempt: 1,
    signal: AbortSignal.timeout(120_000),
    progress() {},
    log() {},
    complain() {},
    async fault() {},
  }
}
