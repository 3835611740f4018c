/**
 * Restore: a snapshot loaded beside what is live and compared, then put in its place in the one write that also switches the routes.
 * What it replaces stays aside until the next clean-up.
 */
import { basename, join } from 'node:path'
import { FettleError } from '../core/errors.ts'
import { environmentLease } from '../core/names.ts'
import type { Basis, Plan, PlanLine } from '../core/plan.ts'
import type { Spec } from '../core/spec/schema.ts'
import { namesIn } from '../lib/files.ts'
import type { Manifest } from '../ports/repository.ts'
import { nextOf } from './activation.ts'
import { announcing, basisOf } from './basis.ts'
import { type Environment, readRelease } from './environment.ts'
import { exchangeSteps } from './exchange.ts'
import { storePaths } from './groups.ts'
import { readScale } from './scale-record.ts'
import { withDoubts } from './snapshots/doubt.ts'
import { type Found, findSnapshot } from './snapshots/held.ts'
import { countLoss } from './snapshots/loss.ts'
import { isManaged, loadStep } from './snapshots/steps.ts'
import { projectOf, readTarget, type TargetRequest } from './target.ts'
import type { World } from './world.ts'

export interface RestoreRequest extends TargetRequest {
  snapshot: string
  stores?: string[] | undefined
  to?: string | undefined
}

export async function planRestore(world: World, request: RestoreRequest): Promise<Plan> {
  const environment = await readTarget(world, request)
  const spec = environment.serving?.spec ?? (await projectOf(world, environment, request.file)).spec
  const found = await findSnapshot(world, environment, spec, request.snapshot)
  return withDoubts(world, await planWith(world, environment, request, found), request.snapshot, found)
}

async function planWith(world: World, environment: Environment, { stores, to }: RestoreRequest, { spec, manifest }: Found): Promise<Plan> {
  if (to === undefined) return restoreInPlace(world, environment, spec, manifest, chosenStores(manifest, spec, stores))
  await requireEmpty(to)
  const all = await withFormerStores(world, environment, spec, manifest)
  return restoreBeside(world, environment, all, manifest, chosenStores(manifest, all, stores), to)
}

/** Beside what is live also a store comes back that the file names no more, as the release had it that the snapshot was taken of. */
async function withFormerStores(world: World, { app, environment }: Environment, spec: Spec, manifest: Manifest): Promise<Spec> {
  const release = manifest.release === '' ? undefined : await readRelease(world, app, environment, manifest.release)
  return { ...spec, stores: { ...release?.spec.stores, ...spec.stores } }
}

/** What is there already is not ours to mix with, or to remove when the restore fails. @throws FettleError REFUSED */
async function requireEmpty(folder: string): Promise<void> {
  const names = await namesIn(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTDIR') throw error
    throw new FettleError('USAGE', `${folder} is no folder`, { cause: error, hint: 'Name a folder that is empty or not there yet.' })
  })
  if (names.length === 0) return
  throw new FettleError('REFUSED', `${folder} is not empty: it holds ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`, {
    hint: 'Name a folder that is empty or not there yet.',
  })
}

/** @throws FettleError NOT_FOUND */
function chosenStores(manifest: Manifest, spec: Spec, wanted: string[] | undefined): string[] {
  const held = manifest.parts.map(part => part.store)
  const unknown = (wanted ?? []).filter(name => !held.includes(name))
  if (unknown.length > 0)
    throw new FettleError('NOT_FOUND', `${manifest.id} holds no store ${unknown.join(', ')}`, { hint: `It holds: ${held.join(', ')}.` })
  const names = (wanted ?? held).filter(name => spec.stores[name] !== undefined)
  if (names.length === 0) throw new FettleError('NOT_FOUND', `none of the stores of ${manifest.id} (${held.join(', ')}) is in the file now`)
  return names
}

function restoreBeside(world: World, environment: Environment, inFile: Spec, manifest: Manifest, names: string[], to: string): Plan {
  const folders = Object.fromEntries(names.map(name => [name, join(to, name)]))
  const chosen = Object.entries(inFile.stores).filter(([name]) => names.includes(name))
  const spec = withOwnPlaces({ ...inFile, stores: Object.fromEntries(chosen) })
  const paths = storePaths(world, spec, folders)
  return {
    ...head(environment, { snapshot: manifest.id, folder: to }),
    leases: [],
    lines: names.map(name => ({ text: `${name} of ${manifest.id} → ${paths[name]}, beside what is live`, tone: 'add' })),
    steps: [
      loadStep(spec, names, { id: 'load', snapshot: manifest.id, folders, after: [], title: `restore ${names.join(', ')} and compare` }),
    ],
  }
}

/** A store that lies elsewhere, as one of our own: its absolute path would be made anew below the folder. */
const withOwnPlaces = (spec: Spec): Spec => ({
  ...spec,
  stores: Object.fromEntries(
    Object.entries(spec.stores).map(([name, store]) => {
      if (isManaged(store)) return [name, store]
      return [name, 'sqlite' in store ? { sqlite: basename(store.sqlite) } : { files: '.' }]
    }),
  ),
})

async function restoreInPlace(world: World, environment: Environment, spec: Spec, manifest: Manifest, names: string[]): Promise<Plan> {
  const foreign = names.filter(name => !isManaged(spec.stores[name] ?? { files: '.' }))
  if (foreign.length > 0) {
    throw new FettleError(
      'REFUSED',
      `${foreign.join(', ')} ${foreign.length === 1 ? 'lies' : 'lie'} outside of what fettle manages, and what uses it is not known here: nothing is replaced in place`,
      {
        hint: '`fettle restore --to FOLDER` restores it beside; stop what uses it, then put it in place.',
      },
    )
  }
  const { serving, isDown } = environment
  if (serving === undefined || isDown)
    throw new FettleError(
      'NOT_FOUND',
      `${environment.app}/${environment.environment} ${isDown ? 'was taken down: it has' : 'runs'} no release to restore into`,
      {
        hint: `\`fettle deploy ${environment.environment}\` first, or \`fettle restore --to FOLDER\`.`,
      },
    )
  const loss = await countLoss(world, environment, spec, manifest, names)
  const scale = await readScale(world, environment.app, environment.environment)
  const next = nextOf(environment, scale, { ...serving, spec }, environment.table.stores)
  return {
    ...head(environment, { snapshot: manifest.id, 'what serves': environment.table.generation }, announcing(loss.announced)),
    leases: [environmentLease(environment.app, environment.environment)],
    lines: [
      { text: `${names.join(', ')}: back to ${manifest.id} (${new Date(manifest.takenAt).toISOString()})`, tone: 'change' },
      { text: loss.text, tone: loss.isPossible ? 'warn' : 'plain' },
      ...leftOut(manifest, spec),
      { text: 'what is replaced stays aside until the restore after this one; requests wait while it is exchanged', tone: 'plain' },
    ],
    ...(loss.isPossible ? { confirm: `restore ${manifest.id}: ${loss.text}` } : {}),
    steps: exchangeSteps(world, environment, next, { manifest, names }),
  }
}

function leftOut({ id, parts }: Manifest, spec: Spec): PlanLine[] {
  const names = parts.map(part => part.store).filter(name => spec.stores[name] === undefined)
  return names.map(name => ({
    text: `${name} is in the snapshot and no longer in the file: \`fettle restore ${id} --store ${name} --to FOLDER\` has it`,
    tone: 'warn',
  }))
}

const head = ({ app, environment }: Environment, facts: Parameters<typeof basisOf>[0], announced: Basis = {}) => ({
  format: 1 as const,
  kind: 'restore' as const,
  app,
  environment,
  basis: { ...basisOf(facts), ...announced },
})
