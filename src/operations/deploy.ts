/**
 * Deploy: fetch and build, snapshot, rehearse on a restored copy, migrate, start beside the old, switch in one write, settle.
 * Before the switch everything is undone; after it everything is finished.
 */
import { existsSync } from 'node:fs'
import { basename, dirname, sep } from 'node:path'
import { diffSpecs } from '../core/diff.ts'
import { FettleError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { environmentLease } from '../core/names.ts'
import type { Plan, PlanLine } from '../core/plan.ts'
import type { Release } from '../core/release.ts'
import { scaleTexts } from '../core/scale.ts'
import { planSecrets, type SecretChange, type SecretPlan } from '../core/secrets.ts'
import { neededSecrets, spokenNames } from '../core/spec/derived.ts'
import type { Spec } from '../core/spec/schema.ts'
import { requireOwnAddresses } from './addresses.ts'
import { basisOf } from './basis.ts'
import { deploySteps, isOffline, nextNumber } from './deploy-steps.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { plainSecrets } from './plain-secrets.ts'
import { type RehearsalMode, tooSlow } from './rehearsal.ts'
import { triedBefore } from './returned.ts'
import { readScale } from './scale-record.ts'
import { requireApart } from './snapshots/apart.ts'
import { foreignDoubt } from './snapshots/foreign.ts'
import { requireRepository } from './snapshots/repository-record.ts'
import { requireSamePlaces, specToKeep, storeWarnings } from './stores-between.ts'
import { type ProjectFile, readProject, type TargetRequest } from './target.ts'
import { unkeptData } from './unkept-data.ts'
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
  requireContent(project, environment)
  await requireOwnAddresses(world, environment, project.spec)
  requireSamePlaces(world, environment, project.spec)
  const secrets = await secretsFor(world, project, environment.serving)
  const leaveOut = (request.leaveOut ?? []).filter(path => path.startsWith(`${project.folder}${sep}`))
  const source = await world.source(project.spec, project.folder, leaveOut).look()
  const { digest } = source
  const lines = describe(world, environment, project, secrets, digest)
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
  const scale = await readScale(world, environment.app, environment.environment)
  const next = isSame ? serving : { number: nextNumber(environment), spec: project.spec }
  const scaled = scaleTexts(scale, next, serving).map((text): PlanLine => ({ text, tone: 'plain' }))
  if (isSame)
    return { ...base, lines: [{ text: `${serving.id} serves exactly this already`, tone: 'plain' }, ...scaled], empty: true, steps: [] }
  lines.push(...scaled)
  const moved = await placeOfSnapshot(world, environment, project.spec)
  if (moved !== undefined) lines.push({ text: moved, tone: 'warn' })
  const steps = await deploySteps(world, { ...project, leaveOut }, environment, {
    secrets: secrets.refs,
    scale,
    mode: unproven === undefined ? mode : 'off',
  })
  const elsewhere = fromElsewhere(environment, project)
  const foreign = await foreignDoubt(world, environment, (serving?.spec ?? project.spec).backups)
  const warnings = [
    ...(isOffline(project.spec, environment)
      ? ['downtime: requests wait while the data is copied and migrated, after a minute they get 503']
      : []),
    ...storeWarnings(environment, project.spec),
    ...(await triedBefore(world, environment, project.spec, digest)),
    ...(await unkeptData(world, environment, project.spec, source)),
    ...(serving === undefined ? fileWarnings(project) : []),
    ...secrets.plain,
    ...(unproven === undefined ? [] : [`stays unproven: ${unproven}`]),
    ...[elsewhere, foreign].filter(text => text !== undefined),
  ].map((text): PlanLine => ({ text, tone: 'warn' }))
  const mustAsk = unproven !== undefined && !request.acceptUnproven && mode !== 'off' && serving !== undefined
  const asked = [
    ...[elsewhere, foreign].filter(text => text !== undefined),
    ...(mustAsk ? [`deploy without a rehearsal (${unproven})`] : []),
  ]
  return { ...base, lines: [...lines, ...warnings], ...(asked.length === 0 ? {} : { confirm: asked.join('; ') }), steps }
}

/** Of the file as a whole; told once, before the first release. */
const fileWarnings = ({ file, warnings }: ProjectFile): string[] =>
  warnings.map(({ line, message }) => `${basename(file)}:${line}: ${message}`)

/** What takes the last service of an app away is a deploy too; one that begins with nothing leaves people waiting for an app. */
function requireContent({ file, spec }: ProjectFile, { serving }: Environment): void {
  const isNothing = ({ services, stores }: Pick<Spec, 'services' | 'stores'>) => Object.keys({ ...services, ...stores }).length === 0
  if (!isNothing(spec) || (serving !== undefined && !isNothing(serving.spec))) return
  throw new FettleError('SPEC_INVALID', `${file} has neither services nor stores: there is nothing to run, and no data to keep`, {
    hint: 'Add what runs, such as `services: { web: { run: ./my-app } }`, which gets PORT; `fettle init` says what it sees in a folder.',
  })
}

/** A deploy begins with a snapshot of what serves, and it goes where the new file says. @throws FettleError REFUSED when where it belongs is not there */
async function placeOfSnapshot(world: World, environment: Environment, next: Spec): Promise<string | undefined> {
  const { stores = {}, backups } = specToKeep(environment, next) ?? {}
  if (backups === undefined || Object.keys(stores).length === 0) return undefined
  await requireApart(world, { stores, backups })
  return requireRepository(world, environment, backups)
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
async function secretsFor(world: World, project: ProjectFile, serving: Release | undefined): Promise<SecretPlan & { plain: string[] }> {
  const { spec, environment, environments, folder, file } = project
  const needed = neededSecrets(spec)
  const names = async () => spokenNames(spec, environments)
  const store = world.secrets(spec.app, environment, folder, names)
  const latest = needed.length === 0 ? [] : ((await store.latest()) ?? [])
  const plan = planSecrets(needed, latest, serving?.secrets ?? [], environment)
  return { ...plan, plain: await plainSecrets(store, plan.refs, { spec, fileName: basename(file) }) }
}

function describe(
  { hide }: World,
  { serving, table, isDown }: Environment,
  { spec }: ProjectFile,
  secrets: SecretPlan,
  digest: string,
): PlanLine[] {
  if (serving === undefined) return [{ text: `first release of ${spec.app}`, tone: 'add' }, ...diffSpecs(undefined, spec, hide)]
  const lines = diffSpecs(serving.spec, spec, hide)
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
