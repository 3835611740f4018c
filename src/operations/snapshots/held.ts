/** Which snapshots an environment has, wherever they lie: where they go now, and where they went before. */
import { FettleError } from '../../core/errors.ts'
import type { Plan } from '../../core/plan.ts'
import { failureText, isProven, standingFailure } from '../../core/proof.ts'
import type { Spec } from '../../core/spec/schema.ts'
import type { Manifest, Repository, Unreadable } from '../../ports/repository.ts'
import type { Named } from '../kept.ts'
import type { World } from '../world.ts'
import { requireOwn } from './foreign.ts'
import { goneRepository, type Place, placesOf } from './repository-record.ts'
import { storesLack } from './steps.ts'

export interface HeldSnapshot {
  manifest: Manifest
  repository: Repository
  place: Place
}

/** Newest first; nothing is opened, so looking creates nothing. One that was copied to where snapshots go now is met there. */
export async function heldSnapshots(world: World, named: Named, backups: Place): Promise<HeldSnapshot[]> {
  const held = await inEach(world, named, backups, async (repository, place) => {
    const manifests = await repository.list(named.app, named.environment)
    return manifests.map(manifest => ({ manifest, repository, place }))
  })
  const byId = new Map(held.toReversed().map(one => [one.manifest.id, one]))
  return [...byId.values()].sort((a, b) => b.manifest.takenAt - a.manifest.takenAt || (a.manifest.id < b.manifest.id ? 1 : -1))
}

export const unreadableSnapshots = (world: World, named: Named, backups: Place): Promise<Unreadable[]> =>
  inEach(world, named, backups, repository => repository.unreadable(named.app, named.environment))

async function inEach<Thing>(
  world: World,
  named: Named,
  backups: Place,
  read: (repository: Repository, place: Place) => Promise<Thing[]>,
): Promise<Thing[]> {
  const places = await placesOf(world, named, backups)
  return (await Promise.all(places.map(async place => read(await world.repository(named.app, place), place)))).flat()
}

export interface Found {
  manifest: Manifest
  /** What was asked with, and as its repository the one that holds the snapshot. */
  spec: Spec
}

/** `newest`, `newest-proven`, or an id. @throws FettleError NOT_FOUND, SECRET_LOCKED when it is there and sealed for another key */
export async function findSnapshot(world: World, named: Named, spec: Spec, wanted: string): Promise<Found> {
  const held = await heldSnapshots(world, named, spec.backups)
  for (const { manifest, repository, place } of held) {
    const isWanted = wanted === 'newest' || manifest.id === wanted
    if (isWanted || (wanted === 'newest-proven' && isProven(await repository.proofs(manifest))))
      return { manifest, spec: { ...spec, backups: { ...spec.backups, ...place } } }
  }
  const name = `${named.app}/${named.environment}`
  if (wanted === 'newest-proven' && held[0] !== undefined) {
    throw new FettleError('NOT_FOUND', `no snapshot of ${name} was ever proven by a restore`, {
      hint: `\`fettle drill\` proves the newest (${held[0].manifest.id}); \`fettle restore newest\` takes it unproven.`,
    })
  }
  await requireOwn(world, named, spec.backups, wanted)
  throw await missing(world, named, spec, wanted, held.length > 0)
}

/** One that is there and can not be read says so itself. */
async function missing(world: World, named: Named, spec: Spec, wanted: string, hasOthers: boolean): Promise<unknown> {
  if (!wanted.startsWith('newest')) {
    const repository = await world.repository(named.app, spec.backups)
    const damage = await repository.get({ app: named.app, environment: named.environment, id: wanted }).then(() => undefined, unlessMissing)
    if (damage !== undefined) return damage
  }
  const unreadable = unreadableText(await unreadableSnapshots(world, named, spec.backups))
  const gone = await goneRepository(world, named, spec.backups)
  const lack = unreadable !== undefined ? ` that can be read: ${unreadable}` : gone === undefined ? '' : `: ${gone}`
  const what = `${named.app}/${named.environment} has no snapshot${wanted.startsWith('newest') ? '' : ` ${wanted}`}`
  return new FettleError('NOT_FOUND', `${what}${lack}`, {
    hint: hasOthers
      ? '`fettle snapshots` lists them.'
      : gone !== undefined
        ? 'Mount it and try again.'
        : (storesLack(spec) ?? '`fettle backup` takes one.'),
  })
}

/** The plan on what was found; where that may not be the newest there is, it says so and asks. */
export async function doubtNewest(world: World, plan: Plan, wanted: string, found: Found): Promise<Plan> {
  if (!wanted.startsWith('newest')) return plan
  const failed = wanted === 'newest-proven' ? await failedSince(world, found) : []
  return doubtUnread(world, { ...plan, lines: [...plan.lines, ...failed] }, found)
}

/** What was passed over. Nobody is asked: what is gone with it is counted anyway. */
async function failedSince(world: World, { manifest, spec }: Found): Promise<Plan['lines']> {
  const newer = (await heldSnapshots(world, manifest, spec.backups)).filter(({ manifest: { takenAt } }) => takenAt > manifest.takenAt)
  const failures = newer.map(async ({ manifest, repository }) => {
    const failure = standingFailure(await repository.proofs(manifest))
    return failure === undefined ? [] : [{ text: `not the newest: ${manifest.id} failed: ${failureText(failure)}`, tone: 'warn' as const }]
  })
  return (await Promise.all(failures)).flat()
}

async function doubtUnread(world: World, plan: Plan, { manifest, spec }: Found): Promise<Plan> {
  const unreadable = await unreadableSnapshots(world, plan, spec.backups)
  const newer = unreadableText(unreadable.filter(({ id }) => id > manifest.id))
  if (newer === undefined) return plan
  const text = `not the newest: ${newer}`
  const lines: Plan['lines'] = [...plan.lines, { text, tone: 'warn' }]
  return { ...plan, lines, confirm: `${plan.confirm ?? `${plan.kind} ${manifest.id}`}${plan.confirm === undefined ? ':' : ';'} ${text}` }
}

const unreadableText = (unreadable: Unreadable[]): string | undefined =>
  unreadable.length === 0 ? undefined : unreadable.map(({ id, reason }) => `${id} can not be read (${reason.split('\n', 1)[0]})`).join('; ')

function unlessMissing(error: unknown): unknown {
  return error instanceof FettleError && error.code === 'NOT_FOUND' ? undefined : error
}
