/** Steps that several operations share to take and load snapshots. Pure but for the ports they read. */
import { FettleError } from '../core/errors.ts'
import type { Json, JsonObject } from '../core/json.ts'
import type { Plan, PlannedStep } from '../core/plan.ts'
import { isProven, standingFailure } from '../core/proof.ts'
import { externalPath } from '../core/spec/derived.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Manifest, Repository, Unreadable } from '../ports/repository.ts'
import type { Name } from './activation.ts'
import type { Environment } from './environment.ts'
import { requireOwn } from './foreign-snapshots.ts'
import { goneRepository } from './repository-record.ts'
import type { World } from './world.ts'

/** A store with an absolute path is somebody else's: backed up and drilled, never created or replaced. */
export const isManaged = (store: Spec['stores'][string]): boolean => externalPath(store) === undefined

export const storeConfigs = (spec: Spec, names: string[]): JsonObject =>
  Object.fromEntries(names.map(name => [name, spec.stores[name] as unknown as Json]))

/** Where a restored copy of a store lies during one operation. */
export const scratchFolder = (world: World, store: string): Name => ({ $op: `${world.layout.scratches}/`, suffix: `/${store}` })

/** Take and commit; none where there is no data yet. */
export function snapshotSteps(
  environment: Environment,
  options: { id?: string; label: string; after: string[]; pivot?: true; spec?: Spec; newRepository?: boolean },
): PlannedStep[] {
  const spec = options.spec ?? environment.serving?.spec
  if (spec === undefined) return []
  const names = Object.keys(spec.stores).filter(
    name => !isManaged(spec.stores[name] ?? { files: '.' }) || environment.table.stores[name] !== undefined,
  )
  if (names.length === 0) return []
  const folders = Object.fromEntries(names.map(name => [name, environment.table.stores[name] ?? '']))
  const backups = spec.backups as unknown as Json
  const id = options.id ?? ''
  return [
    {
      id: `${id}snapshot`,
      kind: 'snapshot.take@1',
      title: `snapshot of ${names.join(', ')}`,
      input: {
        configs: storeConfigs(spec, names),
        folders,
        backups,
        release: environment.table.release,
        label: options.label,
        ...(options.newRepository ? { newRepository: true } : {}),
      },
      after: options.after,
    },
    {
      id: `${id}commit`,
      kind: 'snapshot.commit@1',
      title: 'commit the snapshot',
      input: { manifest: { $from: `${id}snapshot`, path: 'manifest' }, backups },
      after: [`${id}snapshot`],
      ...(options.pivot === undefined ? {} : { pivot: options.pivot }),
    },
  ]
}

export const loadStep = (
  spec: Spec,
  names: string[],
  options: {
    id: string
    snapshot: Json
    folders: Record<string, Name>
    after: string[]
    title: string
    budget?: JsonObject
    durable?: boolean
  },
): PlannedStep => ({
  id: options.id,
  kind: 'snapshot.load@1',
  title: options.title,
  input: {
    snapshot: options.snapshot,
    configs: storeConfigs(spec, names),
    folders: options.folders as never,
    backups: spec.backups as unknown as Json,
    durable: options.durable ?? true,
    ...(options.budget === undefined ? {} : { budget: options.budget }),
  },
  after: options.after,
})

/** What to do where there is nothing that could be backed up. */
export const storesLack = (spec: Spec): string | undefined =>
  Object.keys(spec.stores).length > 0
    ? undefined
    : '`stores:` in fettle.yaml says what its data is: `stores: { data: { sqlite: app.db } }`.'

/** `newest`, `newest-proven`, or an id. @throws FettleError NOT_FOUND, SECRET_LOCKED when it is there and sealed for another key */
export async function findSnapshot(world: World, environment: Environment, spec: Spec, wanted: string): Promise<Manifest> {
  const repository = await world.repository(environment.app, spec.backups)
  const named = { app: environment.app, environment: environment.environment }
  const manifests = await repository.list(named.app, named.environment)
  if (wanted === 'newest' && manifests[0] !== undefined) return manifests[0]
  for (const manifest of manifests) {
    if (manifest.id === wanted) return manifest
    if (wanted === 'newest-proven' && isProven(await repository.proofs(manifest))) return manifest
  }
  const name = `${named.app}/${named.environment}`
  if (wanted === 'newest-proven' && manifests.length > 0) {
    throw new FettleError('NOT_FOUND', `no snapshot of ${name} was ever proven by a restore`, {
      hint: `\`fettle drill\` proves the newest (${manifests[0]?.id}); \`fettle restore newest\` takes it unproven.`,
    })
  }
  await requireOwn(world, named, spec.backups, wanted)
  // One that is there and can not be read says so itself.
  if (!wanted.startsWith('newest')) await repository.get({ ...named, id: wanted }).catch(unlessMissing)
  const unreadable = unreadableText(await repository.unreadable(named.app, named.environment))
  const gone = await goneRepository(world, environment, spec.backups)
  const lack = unreadable !== undefined ? ` that can be read: ${unreadable}` : gone === undefined ? '' : `: ${gone}`
  throw new FettleError('NOT_FOUND', `${name} has no snapshot${wanted.startsWith('newest') ? '' : ` ${wanted}`}${lack}`, {
    hint:
      manifests.length > 0
        ? '`fettle snapshots` lists them.'
        : gone !== undefined
          ? 'Mount it and try again.'
          : (storesLack(spec) ?? '`fettle backup` takes one.'),
  })
}

/** The plan on what was found; where that may not be the newest there is, it says so and asks. */
export async function doubtNewest(
  world: World,
  plan: Plan,
  spec: Spec,
  { wanted, found }: { wanted: string; found: Manifest },
): Promise<Plan> {
  if (!wanted.startsWith('newest')) return plan
  const repository = await world.repository(plan.app, spec.backups)
  const failed = wanted === 'newest-proven' ? await failedSince(repository, found) : []
  return doubtUnread(repository, { ...plan, lines: [...plan.lines, ...failed] }, found)
}

/** What was passed over. Nobody is asked: what is gone with it is counted anyway. */
async function failedSince(repository: Repository, { app, environment, takenAt }: Manifest): Promise<Plan['lines']> {
  const newer = (await repository.list(app, environment)).filter(manifest => manifest.takenAt > takenAt)
  const failures = await Promise.all(
    newer.map(async manifest => ({ manifest, failure: standingFailure(await repository.proofs(manifest)) })),
  )
  return failures.flatMap(({ manifest: { id }, failure }) =>
    failure === undefined ? [] : [{ text: `not the newest: ${id} failed: ${failure.note ?? 'see `fettle snapshots`'}`, tone: 'warn' }],
  )
}

async function doubtUnread(repository: Repository, plan: Plan, found: Manifest): Promise<Plan> {
  const unreadable = await repository.unreadable(plan.app, plan.environment)
  const newer = unreadableText(unreadable.filter(({ id }) => id > found.id))
  if (newer === undefined) return plan
  const text = `not the newest: ${newer}`
  const lines: Plan['lines'] = [...plan.lines, { text, tone: 'warn' }]
  return { ...plan, lines, confirm: `${plan.confirm ?? `${plan.kind} ${found.id}`}${plan.confirm === undefined ? ':' : ';'} ${text}` }
}

const unreadableText = (unreadable: Unreadable[]): string | undefined =>
  unreadable.length === 0 ? undefined : unreadable.map(({ id, reason }) => `${id} can not be read (${reason.split('\n', 1)[0]})`).join('; ')

function unlessMissing(error: unknown): void {
  if (!(error instanceof FettleError) || error.code !== 'NOT_FOUND') throw error
}
