/** What going back to a snapshot would take away, counted before anybody is asked. */
import { randomBytes } from 'node:crypto'
import type { TaskResult } from '../../core/data-tasks.ts'
import { formatCount } from '../../core/format.ts'
import type { Spec } from '../../core/spec/schema.ts'
import type { StepContext } from '../../engine/step.ts'
import type { Manifest } from '../../ports/repository.ts'
import { endCommand } from '../commands.ts'
import { changedSinceTask, removeWork } from '../data-tasks.ts'
import type { Environment } from '../environment.ts'
import type { World } from '../world.ts'
import { storeConfigs } from './steps.ts'

export interface PossibleLoss {
  /** Then a person is asked. */
  isPossible: boolean
  text: string
  /** The figure in it: `199`, `at least 12`, `unknown`. */
  announced: string
}

export async function countLoss(
  world: World,
  environment: Environment,
  spec: Spec,
  manifest: Manifest,
  names: string[],
): Promise<PossibleLoss> {
  const context = planningContext(environment)
  const folders = Object.fromEntries(names.map(name => [name, environment.table.stores[name] ?? '']).filter(([, folder]) => folder !== ''))
  if (Object.keys(folders).length === 0) return { isPossible: false, text: 'there is no data now', announced: '0' }
  try {
    const loss = await changedSinceTask(world, context, {
      manifest,
      configs: storeConfigs(spec, names) as never,
      folders,
      backups: spec.backups,
    })
    return possibleLoss(loss, hasMigrated(environment, manifest))
  } finally {
    await endCommand(world, context)
    await removeWork(world, context.operation.id)
  }
}

/** Since the snapshot: rows that it changed differ now although nobody wrote them. */
const hasMigrated = ({ releases }: Environment, manifest: Manifest): boolean => {
  const then = releases.find(({ id }) => id === manifest.release)
  return then !== undefined && releases.some(({ number, spec }) => number > then.number && spec.release.migrate !== undefined)
}

type Counted = TaskResult<'changed-since'>

const isNothing = ({ rows, precision }: Counted): boolean => rows === 0 && precision === 'exact'

const figureOf = ({ rows, precision }: Counted): string =>
  precision === 'unknown' ? precision : `${precision === 'at-least' ? 'at least ' : ''}${formatCount(rows)}`

const rowsText = (loss: Counted): string => `${figureOf(loss)} ${loss.rows === 1 ? 'row or file' : 'rows or files'}`

/** What went, once it has been counted; undefined when nothing did. @param folders where it lies now */
export function goneText(loss: Counted, announced: string | undefined, folders: string[]): string | undefined {
  const aside = `what was replaced lies aside until the next restore: ${folders.join(', ')}`
  if (loss.precision === 'unknown') return `how much of what was there is gone is unknown; ${aside}`
  if (isNothing(loss)) return undefined
  const said = announced === undefined ? '' : announced === figureOf(loss) ? ', as announced' : ` (announced: ${announced})`
  return `${rowsText(loss)} new or changed since ${loss.rows === 1 ? 'is' : 'are'} gone${said}; ${aside}`
}

export const possibleLoss = (loss: Counted, hasMigrated: boolean): PossibleLoss => ({
  isPossible: !isNothing(loss),
  text: lossText(loss, hasMigrated),
  announced: figureOf(loss),
})

function lossText(loss: Counted, hasMigrated: boolean): string {
  if (loss.precision === 'unknown') return 'what is there now can not be read: how much of it would be lost is unknown'
  if (isNothing(loss)) return 'nothing that is there now would be lost'
  return `${rowsText(loss)} new or changed since${hasMigrated ? ' (what a migration changed counts too)' : ''} would be lost`
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
    tell() {},
    holder: () => undefined,
    remains() {},
    async fault() {},
  }
}
