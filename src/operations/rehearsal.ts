/** The steps that show, on restored copies in a sandbox, that a release will do: shared by deploy and drill. Builds steps. */
import type { Json } from '../core/json.ts'
import type { PlannedStep } from '../core/plan.ts'
import type { Name, Next } from './activation.ts'
import type { Environment } from './environment.ts'
import { findSnapshot, loadStep, scratchFolder, storeConfigs } from './snapshots.ts'
import type { World } from './world.ts'

export type RehearsalMode = 'on' | 'newest-proven' | 'off'

export async function rehearsalSteps(
  world: World,
  environment: Environment,
  next: Next,
  options: { mode: RehearsalMode; after: string[]; hasFresh: boolean },
): Promise<PlannedStep[]> {
  const { spec } = next
  if (options.mode === 'off' || Object.keys(spec.services).length === 0) return []
  const { fill, folders } = await fillSteps(world, environment, next, options)
  const place = { release: next.release, stores: folders as never, atMostMs: spec.release.rehearse['at-most'] }
  const steps: PlannedStep[] = [
    ...fill,
    {
      id: 'sandbox',
      kind: 'sandbox.open@1',
      title: 'open a sandbox: no way out',
      input: { release: next.release, hide: [] },
      after: ['release'],
    },
  ]
  let last = [...(fill.length > 0 ? fill.map(step => step.id) : options.after), 'sandbox']
  const then = (step: Omit<PlannedStep, 'after'>) => {
    steps.push({ ...step, after: last })
    last = [step.id]
  }
  if (spec.release.migrate !== undefined)
    then({ id: 'rehearse-migrate', kind: 'rehearse.migrate@1', title: 'rehearse: migrate a copy, twice', input: place })
  then({ id: 'rehearse-boot', kind: 'rehearse.boot@1', title: `rehearse: start ${next.release} on the copy and test it`, input: place })
  if (environment.serving !== undefined && !environment.isDown) {
    const old = { ...place, old: environment.serving.id, mustPass: spec.release.downtime === 'refused' }
    then({
      id: 'rehearse-old',
      kind: 'rehearse.old@1',
      title: `rehearse: ${environment.serving.id} on what ${next.release} left`,
      input: old,
    })
  }
  then({ id: 'rehearse-close', kind: 'scratch.close@1', title: 'close the sandbox', input: {} })
  return steps
}

/** Copies of the data: from a snapshot where there is one, empty for what is new. */
async function fillSteps(
  world: World,
  environment: Environment,
  next: Next,
  options: { mode: RehearsalMode; after: string[]; hasFresh: boolean },
): Promise<{ fill: PlannedStep[]; folders: Record<string, Name> }> {
  const { spec } = next
  const folders = Object.fromEntries(Object.keys(spec.stores).map(name => [name, scratchFolder(world, name)]))
  const before = environment.serving?.spec.stores ?? {}
  const known = options.hasFresh
    ? Object.keys(spec.stores).filter(name => before[name] !== undefined && environment.table.stores[name] !== undefined)
    : []
  const created = Object.keys(spec.stores).filter(name => !known.includes(name))
  const pick = (names: string[]) => Object.fromEntries(names.map(name => [name, folders[name] ?? '']))
  const fill: PlannedStep[] = []
  if (known.length > 0) {
    const proven = options.mode === 'newest-proven' ? await findSnapshot(world, environment, spec, 'newest-proven') : undefined
    const snapshot: Json = proven === undefined ? { $from: 'commit', path: 'snapshot' } : proven.id
    fill.push(
      loadStep(spec, known, {
        id: 'rehearse-load',
        snapshot,
        folders: pick(known),
        after: options.after,
        title: 'rehearse: restore a copy and compare it',
      }),
    )
  }
  if (created.length > 0) {
    const input = { configs: storeConfigs(spec, created), folders: pick(created) as never }
    fill.push({
      id: 'rehearse-stores',
      kind: 'stores.create@1',
      title: 'rehearse: empty copies of what is new',
      input,
      after: options.after,
    })
  }
  return { fill, folders }
}
