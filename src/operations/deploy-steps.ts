/** The steps of a deploy, in their order: what is made, what is proven on a copy, what then touches the live data, the switch. */
import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../core/json.ts'
import type { PlannedStep } from '../core/plan.ts'
import { type Scale, scaleAfter } from '../core/scale.ts'
import type { SecretRef } from '../core/secret.ts'
import { handoverSteps, inTurn, lastSteps, type Name, type Next, nextOf, settleSteps, startSteps, switchStep } from './activation.ts'
import type { Environment } from './environment.ts'
import { offlineMigrationSteps } from './exchange.ts'
import { type RehearsalMode, rehearsalSteps } from './rehearsal.ts'
import { scaleStep } from './scale-record.ts'
import { isManaged, snapshotSteps, storeConfigs } from './snapshots/steps.ts'
import { specToKeep } from './stores-between.ts'
import type { ProjectFile } from './target.ts'
import type { World } from './world.ts'

export async function deploySteps(
  world: World,
  project: ProjectFile & { leaveOut: string[] },
  environment: Environment,
  { secrets, scale, mode }: { secrets: SecretRef[]; scale: Scale; mode: RehearsalMode },
): Promise<PlannedStep[]> {
  const { spec } = project
  const number = nextNumber(environment)
  const release = `r${number}`
  // Those that the file names no more stay known: a rollback needs them, and so does a file that names them again.
  const stores: Record<string, Name> = { ...environment.table.stores }
  const created: Record<string, Name> = {}
  for (const [name, config] of Object.entries(spec.stores)) {
    if (!isManaged(config)) continue
    if (stores[name] !== undefined) continue
    stores[name] = { $op: `${world.layout.liveStore(spec.app, project.environment, name)}/` }
    created[name] = stores[name]
  }
  const next = nextOf(environment, scale, { id: release, number, spec }, stores)
  const scaling = { from: scale, to: scaleAfter(scale, { number, spec }) }
  const build = [...world.source(spec, project.folder).build, ...spec.build]
  const make = makeSteps(build, project, environment, secrets, next, number)
  const backup = snapshotSteps(environment, {
    label: `before ${release}`,
    after: ['preflight'],
    spec: specToKeep(environment, spec),
  })
  const rehearsal = await rehearsalSteps(world, environment, next, {
    mode,
    after: backup.length > 0 ? lastSteps(backup) : ['preflight'], // beside the build
    hasFresh: backup.length > 0,
  })
  const prepared = [...make, ...backup, ...rehearsal]
  const proven = lastSteps(prepared.filter(({ id }) => id !== 'rehearse-close')) // that may take its time
  if (isOffline(spec, environment)) {
    const creation = createSteps(spec, created, proven)
    const { steps, stores } = offlineMigrationSteps(world, environment, next, creation.length > 0 ? lastSteps(creation) : proven)
    return activationAfter(environment, { ...next, stores }, scaling, [...prepared, ...creation, ...steps], true)
  }
  return activationAfter(environment, next, scaling, [
    ...prepared,
    ...dataSteps(environment, next, created, { after: proven, isRehearsed: rehearsal.length > 0 }),
  ])
}

export const nextNumber = ({ releases }: Environment): number => (releases[0]?.number ?? 0) + 1

/** Declared, and there is something to migrate under something that runs. */
export const isOffline = (spec: ProjectFile['spec'], { serving, table }: Environment): boolean =>
  spec.release.downtime === 'allowed' && spec.release.migrate !== undefined && serving !== undefined && Object.keys(table.groups).length > 0

const activationAfter = (
  environment: Environment,
  next: Next,
  scaling: { from: Scale; to: Scale },
  before: PlannedStep[],
  isHeld = false,
): PlannedStep[] =>
  inTurn(
    () => before,
    after => startSteps(next, after),
    after => handoverSteps(environment, next, after, isHeld),
    after => [switchStep(environment, next, after)],
    // Once it serves: a deploy that is undone ends nothing.
    () => (isDeepStrictEqual(scaling.from, scaling.to) ? [] : [endScale(scaling)]),
    () => settleSteps(environment, next),
  )

const endScale = (scaling: { from: Scale; to: Scale }): PlannedStep =>
  scaleStep({ id: 'scale', title: 'end what was scaled over the file', ...scaling, after: ['switch'] })

function makeSteps(
  build: string[],
  project: ProjectFile & { leaveOut: string[] },
  environment: Environment,
  secrets: SecretRef[],
  next: Next,
  number: number,
): PlannedStep[] {
  const { spec, folder, file, leaveOut } = project
  const fetched = { $from: 'fetch', path: '' }
  const record = {
    format: 1,
    id: next.release,
    number,
    app: spec.app,
    environment: project.environment,
    spec: spec as unknown as Json,
    secrets: secrets as unknown as Json,
    file,
    fettle: '',
  }
  return [
    {
      id: 'preflight',
      kind: 'deploy.preflight@1',
      title: 'preflight',
      input: { project: folder, stores: environment.table.stores },
      after: [],
    },
    {
      id: 'fetch',
      kind: 'source.fetch@1',
      title: 'take the source',
      input: { spec: spec as unknown as Json, project: folder, ...(leaveOut.length === 0 ? {} : { leaveOut }) },
      after: ['preflight'],
    },
    {
      id: 'build',
      kind: 'artifact.build@1',
      title: build.length > 0 ? `build: ${build.join(' && ')}` : 'seal the artifact',
      input: { fetched, build, withinMs: spec['build-within'] },
      after: ['fetch'],
    },
    {
      id: 'release',
      kind: 'release.write@1',
      title: `record ${next.release}`,
      input: { release: record, artifact: fetched },
      after: ['build'],
    },
  ]
}

function createSteps(spec: ProjectFile['spec'], created: Record<string, Name>, after: string[]): PlannedStep[] {
  const names = Object.keys(created)
  if (names.length === 0) return []
  const input = { configs: storeConfigs(spec, names), folders: created as never }
  return [{ id: 'stores', kind: 'stores.create@1', title: `create ${names.join(', ')}`, input, after }]
}

/** Stores that are new, and the one-way gate. */
function dataSteps(
  environment: Environment,
  next: Next,
  created: Record<string, Name>,
  { after, isRehearsed }: { after: string[]; isRehearsed: boolean },
): PlannedStep[] {
  const { spec } = next
  const steps = createSteps(spec, created, after)
  if (spec.release.migrate !== undefined) {
    const serving = environment.serving !== undefined && Object.keys(environment.table.groups).length > 0 ? environment.serving.id : null
    steps.push({
      id: 'migrate',
      kind: 'data.migrate@1',
      title: Object.keys(spec.stores).length === 0 ? 'run the migration: there is no store for what it writes' : 'migrate the live data',
      input: { release: next.release, stores: next.stores as never, serving, isRepeatable: isRehearsed },
      after: steps.length > 0 ? ['stores'] : after,
    })
  }
  return steps
}
