/** The steps that show, on restored copies in a sandbox, that a release will do: shared by deploy and drill. Builds steps. */
import { formatDuration } from '../core/format.ts'
import type { Json } from '../core/json.ts'
import type { PlannedStep } from '../core/plan.ts'
import { isExternal } from '../core/spec/derived.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Name, Next } from './activation.ts'
import type { Environment } from './environment.ts'
import { requireNewest } from './snapshots/doubt.ts'
import { findSnapshot, listSnapshots } from './snapshots/held.ts'
import { loadStep, scratchFolder, storeConfigs } from './snapshots/steps.ts'
import { specToKeep } from './stores-between.ts'
import type { World } from './world.ts'

export type RehearsalMode = 'on' | 'newest-proven' | 'off'

export async function rehearsalSteps(
  world: World,
  environment: Environment,
  next: Next,
  options: { mode: RehearsalMode; after: string[]; hasFresh: boolean },
): Promise<PlannedStep[]> {
  const { spec } = next
  if (options.mode === 'off' || isExternal(spec)) return []
  const atMostMs = spec.release.rehearse['at-most']
  const timed: string[] = []
  const budget = () => ({ atMostMs, spentMs: timed.map(step => ({ $from: step, path: 'durationMs' })) })
  const { fill, folders } = await fillSteps(world, environment, next, { ...options, atMostMs })
  if (fill.some(step => step.id === 'rehearse-load')) timed.push('rehearse-load')
  const place = { release: next.release, stores: folders as never }
  const steps: PlannedStep[] = [
    ...fill,
    {
      id: 'sandbox',
      kind: 'sandbox.open@1',
      title: 'open a sandbox: no way out',
      input: { release: next.release },
      after: ['release'],
    },
  ]
  let last = [...(fill.length > 0 ? fill.map(step => step.id) : options.after), 'sandbox']
  const then = (step: Omit<PlannedStep, 'after'>) => {
    steps.push({ ...step, after: last })
    last = [step.id]
  }
  const thenWithin = (step: Omit<PlannedStep, 'after'>) => {
    then({ ...step, input: { ...step.input, budget: budget() } })
    timed.push(step.id)
  }
  if (spec.release.migrate !== undefined)
    thenWithin({ id: 'rehearse-migrate', kind: 'rehearse.migrate@1', title: 'rehearse: migrate a copy, twice', input: place })
  thenWithin({
    id: 'rehearse-boot',
    kind: 'rehearse.boot@1',
    title: `rehearse: start ${next.release} on the copy and test it`,
    input: place,
  })
  if (environment.serving !== undefined && !environment.isDown) {
    const old = { ...place, old: environment.serving.id, mustPass: spec.release.downtime === 'refused' }
    thenWithin({
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
  options: { mode: RehearsalMode; after: string[]; hasFresh: boolean; atMostMs: number },
): Promise<{ fill: PlannedStep[]; folders: Record<string, Name> }> {
  const { spec } = next
  const before = specToKeep(environment, spec)?.stores ?? {}
  // With those that only the release before has: it is started on the copy too.
  const all: Spec = { ...spec, stores: { ...before, ...spec.stores } }
  const folders = Object.fromEntries(Object.keys(all.stores).map(name => [name, scratchFolder(world, name)]))
  const proven =
    options.hasFresh && options.mode === 'newest-proven' ? await findSnapshot(world, environment, spec, 'newest-proven') : undefined
  if (proven !== undefined) requireNewest(proven)
  const isHeld = (name: string) => proven === undefined || proven.manifest.parts.some(part => part.store === name)
  const isKnown = (name: string) => before[name] !== undefined && environment.table.stores[name] !== undefined && isHeld(name)
  const known = options.hasFresh ? Object.keys(all.stores).filter(isKnown) : []
  const created = Object.keys(spec.stores).filter(name => !known.includes(name))
  const pick = (names: string[]) => Object.fromEntries(names.map(name => [name, folders[name] ?? '']))
  const fill: PlannedStep[] = []
  if (known.length > 0) {
    const snapshot: Json = proven === undefined ? { $from: 'commit', path: 'snapshot' } : proven.manifest.id
    fill.push(
      loadStep({ ...all, backups: proven?.spec.backups ?? spec.backups }, known, {
        id: 'rehearse-load',
        snapshot,
        folders: pick(known),
        after: options.after,
        title:
          proven === undefined
            ? 'rehearse: restore a copy and compare it'
            : `rehearse: restore ${proven.manifest.id}, the newest proven one, and compare it`,
        durable: false,
        budget: { atMostMs: options.atMostMs, spentMs: [] },
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

/**
 * Why the rehearsal does not fit into the time that the file allows it: restoring a copy took longer the last time, as the newest proof of
 * this environment's snapshots measured. Undefined when it fits, or when nothing is known of it.
 */
export async function tooSlow(world: World, environment: Environment, spec: Spec): Promise<string | undefined> {
  if (environment.serving === undefined || Object.keys(environment.serving.spec.stores).length === 0) return undefined
  for (const { manifest, repository } of (await listSnapshots(world, environment, spec.backups)).held) {
    const last = (await repository.proofs(manifest)).findLast(({ rung, passed }) => passed && rung === 'content-equal')
    if (last === undefined) continue
    const atMostMs = spec.release.rehearse['at-most']
    if (last.durationMs <= atMostMs) return undefined
    return `restoring a copy took ${formatDuration(last.durationMs)} the last time, a rehearsal may take ${formatDuration(atMostMs)} (\`at-most\`)`
  }
  return undefined
}
