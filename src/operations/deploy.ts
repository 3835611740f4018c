/**
 * Deploy: fetch and build, snapshot, rehearse on a restored copy, migrate, start beside the old, switch in one write, settle.
 * Before the switch everything is undone; after it everything is finished.
 */
import { existsSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { diffSpecs } from '../core/diff.ts'
import type { Json } from '../core/json.ts'
import { environmentLease } from '../core/names.ts'
import type { Plan, PlanLine, PlannedStep } from '../core/plan.ts'
import type { Release } from '../core/release.ts'
import type { SecretRef } from '../core/secret.ts'
import { planSecrets, type SecretChange, type SecretPlan } from '../core/secrets.ts'
import { neededSecrets } from '../core/spec/derived.ts'
import {
  handoverSteps,
  inTurn,
  lastSteps,
  type Name,
  type Next,
  settleSteps,
  startSteps,
  switchStep,
  wantedInstances,
} from './activation.ts'
import { requireOwnAddresses } from './addresses.ts'
import { basisOf } from './basis.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { offlineMigrationSteps } from './exchange.ts'
import { type RehearsalMode, rehearsalSteps, tooSlow } from './rehearsal.ts'
import { triedBefore } from './returned.ts'
import { readScale } from './scale-record.ts'
import { isManaged, snapshotSteps, storeConfigs } from './snapshots.ts'
import { type ProjectFile, readProject, type TargetRequest } from './target.ts'
import type { World } from './world.ts'

export interface DeployRequest extends TargetRequest {
  rehearse?: RehearsalMode | undefined
  acceptUnproven: boolean
  /** Files that grow while it is asked for, such as its own output. */
  leaveOut?: string[] | undefined
}

export async function planDeploy(world: World, request: DeployRequest): Promise<Plan> {
  const project = await readProject(request)
  const environment = await readEnvironment(world, project.spec.app, project.environment)
  await requireOwnAddresses(world, environment, project.spec)
  const secrets = await secretsFor(world, project, environment.serving)
  const leaveOut = (request.leaveOut ?? []).filter(path => path.startsWith(`${project.folder}${sep}`))
  const digest = await world.source(project.spec, project.folder, leaveOut).digest()
  const lines = describe(environment, project, secrets, digest)
  const mode = request.rehearse ?? project.spec.release.rehearse.mode
  const unproven =
    mode === 'off'
      ? 'rehearsal is off: the migration meets the real data first'
      : (isolationLack(world) ?? (await tooSlow(world, environment, project.spec)))
  const base = {
    format: 1 as const,
    kind: 'deploy' as const,
    app: project.spec.app,
    environment: project.environment,
    leases: [environmentLease(project.spec.app, project.environment)],
    basis: basisOf({
      source: digest,
      'fettle.yaml': project.spec as Json,
      'what serves': environment.table.generation,
      secrets: secrets.refs as unknown as Json,
      rehearsal: mode,
    }),
  }
  const serving = environment.serving
  const isSame = serving !== undefined && serving.artifact.digest === digest && lines.length === 0
  if (isSame) return { ...base, lines: [{ text: `${serving.id} serves exactly this already`, tone: 'plain' }], empty: true, steps: [] }
  const steps = await deploySteps(world, { ...project, leaveOut }, environment, secrets.refs, unproven === undefined ? mode : 'off')
  if (isOffline(project.spec, environment))
    lines.push({ text: 'downtime: requests wait while the data is copied and migrated, after a minute they get 503', tone: 'warn' })
  lines.push(...(await triedBefore(world, environment, project.spec, digest)))
  const warning: PlanLine[] = unproven === undefined ? [] : [{ text: `stays unproven: ${unproven}`, tone: 'warn' }]
  const elsewhere = fromElsewhere(environment, project)
  if (elsewhere !== undefined) warning.push({ text: elsewhere, tone: 'warn' })
  const mustAsk = unproven !== undefined && !request.acceptUnproven && mode !== 'off' && serving !== undefined
  const asked = [...(elsewhere === undefined ? [] : [elsewhere]), ...(mustAsk ? [`deploy without a rehearsal (${unproven})`] : [])]
  return { ...base, lines: [...lines, ...warning], ...(asked.length === 0 ? {} : { confirm: asked.join('; ') }), steps }
}

/** Two projects that chose the same name: one would replace the other. A project that was moved is the same one. */
function fromElsewhere({ app, environment, serving }: Environment, { file }: ProjectFile): string | undefined {
  if (serving === undefined || serving.file === file || !existsSync(serving.file)) return undefined
  return `${app}/${environment} was deployed from ${dirname(serving.file)}, which is still there: this puts ${dirname(file)} in its place`
}

const isolationLack = (world: World): string | undefined =>
  world.runtime.caps.isolation === 'none'
    ? `no sandbox on this machine: ${world.runtime.caps.isolationReason ?? 'not supported'}`
    : undefined

/** @throws FettleError SECRET_MISSING */
async function secretsFor(world: World, { spec, environment, folder }: ProjectFile, serving: Release | undefined): Promise<SecretPlan> {
  const needed = neededSecrets(spec)
  const latest = needed.length === 0 ? [] : await world.secrets(spec.app, environment, folder).latest()
  return planSecrets(needed, latest, serving?.secrets ?? [], environment)
}

function describe({ serving, table, isDown }: Environment, { spec }: ProjectFile, secrets: SecretPlan, digest: string): PlanLine[] {
  if (serving === undefined) return [{ text: `first release of ${spec.app}`, tone: 'add' }, ...diffSpecs(undefined, spec)]
  const lines = diffSpecs(serving.spec, spec)
  if (serving.artifact.digest !== digest) lines.unshift({ text: 'source: changed', tone: 'change' })
  lines.push(...secrets.changes.map(secretLine))
  const wasStopped = table.generation > 0 && Object.keys(table.groups).length === 0 && Object.keys(spec.services).length > 0
  const start = isDown ? 'it was taken down: it starts anew, on the data that stayed' : 'the services are stopped: they start'
  if (wasStopped) lines.unshift({ text: start, tone: 'change' })
  return lines
}

function secretLine({ name, from, to }: SecretChange): PlanLine {
  if (from === undefined) return { text: `secret ${name}: new`, tone: 'add' }
  if (to === undefined) return { text: `secret ${name}: no longer used`, tone: 'remove' }
  return { text: `secret ${name}: changed (version ${from} → ${to})`, tone: 'change' }
}

async function deploySteps(
  world: World,
  project: ProjectFile & { leaveOut: string[] },
  environment: Environment,
  secrets: SecretRef[],
  mode: RehearsalMode,
): Promise<PlannedStep[]> {
  const { spec } = project
  const number = (environment.releases[0]?.number ?? 0) + 1
  const release = `r${number}`
  const stores: Record<string, Name> = {}
  const created: Record<string, Name> = {}
  for (const [name, config] of Object.entries(spec.stores)) {
    if (!isManaged(config)) continue
    const present = environment.table.stores[name]
    stores[name] = present ?? { $op: `${world.layout.liveStore(spec.app, project.environment, name)}/` }
    if (present === undefined) created[name] = stores[name]
  }
  const next: Next = {
    release,
    spec,
    activation: { $op: `${release}-` },
    stores,
    instances: wantedInstances(spec, await readScale(world, spec.app, project.environment)),
  }
  const build = [...world.source(spec, project.folder).build, ...spec.build]
  const make = makeSteps(build, project, environment, secrets, next, number)
  const backup = snapshotSteps(environment, { label: `before ${release}`, after: ['preflight'] })
  const rehearsal = await rehearsalSteps(world, environment, next, {
    mode,
    after: backup.length > 0 ? lastSteps(backup) : ['preflight'], // beside the build
    hasFresh: backup.length > 0,
  })
  const prepared = [...make, ...backup, ...rehearsal]
  if (isOffline(spec, environment)) {
    const { steps, stores } = offlineMigrationSteps(world, environment, next, lastSteps(prepared))
    return activationAfter(environment, { ...next, stores }, [...prepared, ...steps], true)
  }
  return activationAfter(environment, next, [
    ...prepared,
    ...dataSteps(environment, next, created, { after: lastSteps(prepared), isRehearsed: rehearsal.length > 0 }),
  ])
}

/** Declared, and there is something to migrate under something that runs. */
const isOffline = (spec: ProjectFile['spec'], { serving, table }: Environment): boolean =>
  spec.release.downtime === 'allowed' && spec.release.migrate !== undefined && serving !== undefined && Object.keys(table.groups).length > 0

const activationAfter = (environment: Environment, next: Next, before: PlannedStep[], isHeld = false): PlannedStep[] =>
  inTurn(
    () => before,
    after => startSteps(next, after),
    after => handoverSteps(environment, next, after, isHeld),
    after => [switchStep(environment, next, after)],
    () => settleSteps(environment, next),
  )

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
  const steps: PlannedStep[] = [
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
  return steps
}

/** Stores that are new, and the one-way gate. */
function dataSteps(
  environment: Environment,
  next: Next,
  created: Record<string, Name>,
  { after, isRehearsed }: { after: string[]; isRehearsed: boolean },
): PlannedStep[] {
  const { spec } = next
  const steps: PlannedStep[] = []
  if (Object.keys(created).length > 0) {
    const configs = storeConfigs(spec, Object.keys(created))
    steps.push({
      id: 'stores',
      kind: 'stores.create@1',
      title: `create ${Object.keys(created).join(', ')}`,
      input: { configs, folders: created as never },
      after,
    })
  }
  if (spec.release.migrate !== undefined) {
    const serving = environment.serving !== undefined && Object.keys(environment.table.groups).length > 0 ? environment.serving.id : null
    steps.push({
      id: 'migrate',
      kind: 'data.migrate@1',
      title: 'migrate the live data',
      input: { release: next.release, stores: next.stores as never, serving, isRepeatable: isRehearsed },
      after: steps.length > 0 ? ['stores'] : after,
    })
  }
  return steps
}
