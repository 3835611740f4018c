/** Backup and drill: a snapshot taken, and one shown to be worth something. */

import { FettleError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import { environmentLease } from '../core/names.ts'
import type { Plan, PlannedStep } from '../core/plan.ts'
import type { Release } from '../core/release.ts'
import { externalPath, isExternal } from '../core/spec/derived.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Manifest } from '../ports/repository.ts'
import { basisOf } from './basis.ts'
import { type Environment, hasArtifact, readRelease } from './environment.ts'
import { requireApart } from './snapshots/apart.ts'
import { withDoubts } from './snapshots/doubt.ts'
import { foreignDoubt } from './snapshots/foreign.ts'
import { findSnapshot } from './snapshots/held.ts'
import { requireRepository } from './snapshots/repository-record.ts'
import { loadStep, scratchFolder, snapshotSteps, storeConfigs, storesLack } from './snapshots/steps.ts'
import { drillSpecOf, readTarget, soundProject, specOf, type TargetRequest } from './target.ts'
import type { World } from './world.ts'

export async function planBackup(
  world: World,
  request: TargetRequest & { label?: string | undefined; newRepository?: boolean | undefined },
): Promise<Plan> {
  const environment = await readTarget(world, request)
  const spec = await specOf(world, environment, request)
  const newRepository = request.newRepository ?? false
  const take = snapshotSteps(environment, {
    label: request.label ?? 'by hand',
    labelled: request.label !== undefined,
    after: [],
    pivot: true,
    spec,
    newRepository,
    file: request.file,
  })
  if (take.length === 0) {
    throw new FettleError('NOT_FOUND', `${environment.app}/${environment.environment} has no data to back up`, {
      hint: storesLack(spec) ?? `Stores get their data with the first \`fettle deploy ${environment.environment}\`.`,
    })
  }
  await requireApart(world, spec)
  const moved = newRepository ? undefined : await requireRepository(world, environment, spec.backups)
  const foreign = newRepository ? undefined : await foreignDoubt(world, environment, spec.backups)
  const later = await laterRepository(world, request, spec)
  const retain: PlannedStep = {
    id: 'retain',
    kind: 'snapshots.retain@1',
    title: 'retention',
    input: { backups: spec.backups as unknown as Json, protect: [] },
    after: ['commit'],
  }
  return {
    format: 1,
    kind: 'backup',
    app: environment.app,
    environment: environment.environment,
    leases: [environmentLease(environment.app, environment.environment)],
    basis: basisOf({ stores: environment.table.stores }),
    lines: [
      { text: take[0]?.title ?? '', tone: 'add' },
      ...[...storesLeftOut(environment, spec), moved, later, foreign].flatMap(text =>
        text === undefined ? [] : [{ text, tone: 'warn' as const }],
      ),
    ],
    ...(foreign === undefined ? {} : { confirm: foreign }),
    steps: [...take, retain],
  }
}

/** Of what something else runs the file counts as it is now, also where more was deployed. */
const storesLeftOut = ({ serving, table }: Environment, { stores }: Spec): string[] =>
  Object.entries(serving?.spec.stores ?? {})
    .filter(([name]) => stores[name] === undefined)
    .map(
      ([name, store]) =>
        `${name} is not in the file any more, nor in this snapshot; its data stays in ${externalPath(store) ?? table.stores[name]}`,
    )

/** What serves says where its snapshots go, also while the file beside it names another place by now. */
async function laterRepository(world: World, request: TargetRequest, { backups }: Spec): Promise<string | undefined> {
  const project = request.file === undefined ? undefined : await soundProject(request)
  const [now, later] = [backups, project?.spec.backups ?? backups].map(place => world.repositoryFolder(place))
  return now === later ? undefined : `it goes to ${now}, as what serves says; to ${later}, which the file names, from the next deploy on`
}

export async function planDrill(world: World, request: TargetRequest & { snapshot: string }): Promise<Plan> {
  const environment = await readTarget(world, request)
  const found = await findSnapshot(world, environment, await drillSpecOf(world, environment, request), request.snapshot)
  const { manifest, spec } = found
  const release = manifest.release === '' ? undefined : await readRelease(world, environment.app, environment.environment, manifest.release)
  const lack = await bootLack(world, release, manifest)
  const plan: Plan = {
    format: 1,
    kind: 'drill',
    app: environment.app,
    environment: environment.environment,
    leases: [],
    basis: basisOf({ snapshot: manifest.id }),
    lines: [
      { text: `${manifest.id} restored into a scratch place and compared`, tone: 'plain' },
      lack === undefined
        ? { text: `${release?.id} started on it, cut off from the network, and tested`, tone: 'plain' }
        : { text: `stops at "content equal": ${lack}`, tone: 'warn' },
    ],
    steps: drillSteps(world, spec, manifest, lack === undefined ? release : undefined, lack),
  }
  return withDoubts(world, plan, request.snapshot, found)
}

/** Why the app can not be started on the copy. */
async function bootLack(world: World, release: Release | undefined, manifest: Manifest): Promise<string | undefined> {
  if (world.runtime.caps.isolation === 'none')
    return `nothing keeps the app from the outside here (${world.runtime.caps.isolationReason ?? 'no sandbox'})`
  if (manifest.release === '' || (release !== undefined && isExternal(release.spec))) return 'fettle runs no services of this app'
  if (release === undefined) return `release ${manifest.release}, which it was taken of, is gone`
  if (!(await hasArtifact(world, release))) return `what ${release.id} was built into is gone: the environment was taken down`
  return Object.values(release.spec.services).some(service => service['in-drills']) ? undefined : 'no service may run in drills'
}

function drillSteps(world: World, spec: Spec, manifest: Manifest, release: Release | undefined, lack: string | undefined): PlannedStep[] {
  const names = manifest.parts.map(part => part.store).filter(name => (release?.spec ?? spec).stores[name] !== undefined)
  const folders = Object.fromEntries(names.map(name => [name, scratchFolder(world, name)]))
  const backups = spec.backups as unknown as Json
  const proves = {
    snapshot: manifest.id,
    backups,
    rung: release === undefined ? 'content-equal' : 'booted',
    compared: { $from: 'load', path: 'compared' },
    durationMs: { $from: 'load', path: 'durationMs' },
  }
  const steps: PlannedStep[] = [
    { id: 'verify', kind: 'snapshot.verify@1', title: 're-read the stored bytes', input: { snapshot: manifest.id, backups }, after: [] },
    loadStep(release?.spec ?? spec, names, {
      id: 'load',
      snapshot: manifest.id,
      folders,
      after: ['verify'],
      title: 'restore and compare',
      durable: false,
    }),
  ]
  if (spec.backups.drill.expect.length > 0) {
    const input = {
      configs: storeConfigs(release?.spec ?? spec, names),
      folders: folders as never,
      expect: spec.backups.drill.expect as unknown as Json,
      proves,
    }
    steps.push({ id: 'expect', kind: 'drill.expect@1', title: 'check what must hold', input, after: ['load'] })
  }
  if (release !== undefined) {
    steps.push(
      { id: 'sandbox', kind: 'sandbox.open@1', title: 'open a sandbox: no way out', input: { release: release.id }, after: [] },
      {
        id: 'boot',
        kind: 'rehearse.boot@1',
        title: `start ${release.id} on it and test it`,
        input: { release: release.id, stores: folders as never, proves },
        after: [steps.at(-1)?.id ?? 'load', 'sandbox'],
      },
    )
  }
  const proof = { ...proves, ...(lack === undefined ? {} : { note: lack }) }
  const last = steps.at(-1)?.id ?? 'load'
  steps.push({ id: 'close', kind: 'scratch.close@1', title: 'remove the copy', input: {}, after: [last] })
  steps.push({ id: 'proof', kind: 'proof.add@1', title: 'record the proof', input: proof, after: ['close'], pivot: true })
  return steps
}
