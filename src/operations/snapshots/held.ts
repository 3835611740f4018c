/** Which snapshots an environment has, wherever they lie: where they go now, and where they went before. */
import { FettleError } from '../../core/errors.ts'
import { failureText, isProven, standingFailure, wasProven } from '../../core/proof.ts'
import type { Spec } from '../../core/spec/schema.ts'
import type { Manifest, Repository, Unreadable } from '../../ports/repository.ts'
import type { Named } from '../kept.ts'
import type { World } from '../world.ts'
import { requireOwn } from './foreign.ts'
import { absentFormer, goneAmong, type Place, placesOf } from './repository-record.ts'
import { storesLack } from './steps.ts'

export interface HeldSnapshot {
  manifest: Manifest
  repository: Repository
  place: Place
}

export interface Snapshots {
  /** Newest first. One that was copied to where snapshots go now is met there. */
  held: HeldSnapshot[]
  foreign: Manifest[]
  unreadable: Unreadable[]
}

/** Nothing is opened, so looking creates nothing. */
export async function listSnapshots(world: World, named: Named, backups: Place): Promise<Snapshots> {
  const places = await placesOf(world, named, backups)
  const listed = await Promise.all(
    places.map(async place => {
      const repository = await world.repository(named.app, place)
      const { own, ...others } = await repository.list(named.app, named.environment)
      return { held: own.map(manifest => ({ manifest, repository, place })), ...others }
    }),
  )
  return {
    held: newestFirst(
      listed.flatMap(({ held }) => held),
      ({ manifest }) => manifest,
    ),
    foreign: newestFirst(
      listed.flatMap(({ foreign }) => foreign),
      manifest => manifest,
    ),
    unreadable: listed.flatMap(({ unreadable }) => unreadable),
  }
}

/** Each once, as it was met first. */
function newestFirst<Thing>(things: Thing[], manifestOf: (thing: Thing) => Manifest): Thing[] {
  const byId = new Map(things.toReversed().map(thing => [manifestOf(thing).id, thing]))
  const order = (a: Manifest, b: Manifest) => b.takenAt - a.takenAt || (a.id < b.id ? 1 : -1)
  return [...byId.values()].sort((a, b) => order(manifestOf(a), manifestOf(b)))
}

export interface Found {
  manifest: Manifest
  /** What was asked with, and as its repository the one that holds the snapshot. */
  spec: Spec
  /** Why it may not be the newest although none newer was found: where they went last is not there. */
  gone?: string
}

/** `newest`, `newest-proven`, or an id. @throws FettleError NOT_FOUND, SECRET_LOCKED when it is there and sealed for another key */
export async function findSnapshot(world: World, named: Named, spec: Spec, wanted: string): Promise<Found> {
  const { held } = await listSnapshots(world, named, spec.backups)
  for (const { manifest, repository, place } of held) {
    const isWanted = wanted === 'newest' || manifest.id === wanted
    if (!isWanted && !(wanted === 'newest-proven' && isProven(await repository.proofs(manifest)))) continue
    const gone = await goneAmong(world, named, spec.backups, manifest.takenAt)
    return { manifest, spec: { ...spec, backups: { ...spec.backups, ...place } }, ...(gone === undefined ? {} : { gone }) }
  }
  if (wanted === 'newest-proven' && held.length > 0) throw await noneProven(named, held)
  await requireOwn(world, named, spec.backups, wanted)
  throw await missing(world, named, spec, wanted, held.length > 0)
}

/** What was found to have failed is not recommended. */
async function noneProven({ app, environment }: Named, held: HeldSnapshot[]): Promise<FettleError> {
  const seen = await Promise.all(
    held.map(async ({ manifest, repository }) => ({ id: manifest.id, proofs: await repository.proofs(manifest) })),
  )
  const lost = seen.find(({ proofs }) => wasProven(proofs))
  const failure = standingFailure(lost?.proofs ?? [])
  const sound = seen.find(({ proofs }) => standingFailure(proofs) === undefined)
  const name = `${app}/${environment}`
  return new FettleError(
    'NOT_FOUND',
    lost === undefined || failure === undefined
      ? `no snapshot of ${name} was ever proven by a restore`
      : `no snapshot of ${name} is proven any more: ${lost.id} failed: ${failureText(failure)}`,
    {
      hint:
        sound === undefined
          ? 'Something speaks against each of them: `fettle backup`, then `fettle drill`.'
          : `\`fettle drill ${sound.id}\` proves the newest that did not fail; \`fettle restore ${sound.id}\` takes it unproven.`,
    },
  )
}

/** One that is there and can not be read says so itself. */
async function missing(world: World, named: Named, spec: Spec, wanted: string, hasOthers: boolean): Promise<unknown> {
  if (!wanted.startsWith('newest')) {
    const repository = await world.repository(named.app, spec.backups)
    const damage = await repository.get({ app: named.app, environment: named.environment, id: wanted }).then(() => undefined, unlessMissing)
    if (damage !== undefined) return damage
  }
  const unreadable = unreadableText((await listSnapshots(world, named, spec.backups)).unreadable)
  const gone = await goneAmong(world, named, spec.backups, Number.POSITIVE_INFINITY)
  const absent = [gone, ...(await absentFormer(world, named, spec.backups))].filter(text => text !== undefined)
  const lack = unreadable !== undefined ? ` that can be read: ${unreadable}` : absent.length === 0 ? '' : `: ${absent.join('; ')}`
  const what = `${named.app}/${named.environment} has no snapshot${wanted.startsWith('newest') ? '' : ` ${wanted}`}`
  return new FettleError('NOT_FOUND', `${what}${lack}`, {
    hint: hasOthers
      ? absent.length === 0
        ? '`fettle snapshots` lists them.'
        : 'Mount it and try again; `fettle snapshots` lists the others.'
      : absent.length > 0
        ? 'Mount it and try again.'
        : (storesLack(spec) ?? '`fettle backup` takes one.'),
  })
}

export const unreadableText = (unreadable: Unreadable[]): string | undefined =>
  unreadable.length === 0 ? undefined : unreadable.map(({ id, reason }) => `${id} can not be read (${reason.split('\n', 1)[0]})`).join('; ')

function unlessMissing(error: unknown): unknown {
  return error instanceof FettleError && error.code === 'NOT_FOUND' ? undefined : error
}
