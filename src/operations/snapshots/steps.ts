/** Steps that several operations share to take and load snapshots. Pure but for the ports they read. */
import type { Json, JsonObject } from '../../core/json.ts'
import type { PlannedStep } from '../../core/plan.ts'
import { externalPath } from '../../core/spec/derived.ts'
import type { Spec } from '../../core/spec/schema.ts'
import type { Name } from '../activation.ts'
import type { Environment } from '../environment.ts'
import type { World } from '../world.ts'

/** A store with an absolute path is somebody else's: backed up and drilled, never created or replaced. */
export const isManaged = (store: Spec['stores'][string]): boolean => externalPath(store) === undefined

export const storeConfigs = (spec: Spec, names: string[]): JsonObject =>
  Object.fromEntries(names.map(name => [name, spec.stores[name] as unknown as Json]))

/** Where a restored copy of a store lies during one operation. */
export const scratchFolder = (world: World, store: string): Name => ({ $op: `${world.layout.scratches}/`, suffix: `/${store}` })

interface SnapshotOptions {
  id?: string
  label: string
  /** A person gave the label. */
  labelled?: boolean
  after: string[]
  pivot?: true
  spec?: Spec
  newRepository?: boolean
  /** The fettle.yaml that it is asked for by. */
  file?: string | undefined
}

/** Take and commit; none where there is no data yet. */
export function snapshotSteps(environment: Environment, options: SnapshotOptions): PlannedStep[] {
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
        ...(options.labelled ? { labelled: true } : {}),
        ...(options.file === undefined ? {} : { file: options.file }),
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
