/**
 * Rollback: an earlier release again, with the configuration and secrets it was recorded with. Data stays, unless a snapshot is
 * named; then what would be lost is counted and asked for.
 */
import { FettleError } from '../core/errors.ts'
import { environmentLease } from '../core/names.ts'
import type { Plan, PlanLine } from '../core/plan.ts'
import type { Release } from '../core/release.ts'
import { scaleTexts } from '../core/scale.ts'
import { activateSteps, nextOf } from './activation.ts'
import { requireOwnAddresses } from './addresses.ts'
import { announcing, basisOf } from './basis.ts'
import { type Environment, hasArtifact, readNotes, requireRelease } from './environment.ts'
import { exchangeSteps } from './exchange.ts'
import { readScale } from './scale-record.ts'
import { withDoubts } from './snapshots/doubt.ts'
import { findSnapshot } from './snapshots/held.ts'
import { countLoss } from './snapshots/loss.ts'
import { movedRepository } from './snapshots/repository-record.ts'
import { requireFolders, storeWarnings } from './stores-between.ts'
import { readTarget, requireServing, type TargetRequest } from './target.ts'
import type { World } from './world.ts'

export interface RollbackRequest extends TargetRequest {
  release?: string | undefined
  /** `keep`, or the id of a snapshot. */
  data: string
}

export async function planRollback(world: World, request: RollbackRequest): Promise<Plan> {
  const environment = await readTarget(world, request)
  const serving = requireServing(environment)
  const release =
    request.release === undefined
      ? await releaseBefore(world, environment, serving)
      : await requireRelease(world, environment, request.release)
  await requireArtifact(world, release)
  await requireOwnAddresses(world, environment, release.spec)
  const lines = await describe(world, environment, serving, release, request.data)
  const moved = await movedRepository(world, environment, release.spec.backups)
  if (moved !== undefined) lines.push({ text: moved, tone: 'warn' })
  const back = request.data === 'keep' ? undefined : await dataBack(world, environment, release, request.data)
  const scale = await readScale(world, environment.app, environment.environment)
  lines.push(...scaleTexts(scale, release, serving).map((text): PlanLine => ({ text, tone: 'plain' })))
  const next = nextOf(environment, scale, { ...release, spec: back?.found.spec ?? release.spec }, requireFolders(environment, release))
  const plan: Plan = {
    format: 1,
    kind: 'rollback',
    app: environment.app,
    environment: environment.environment,
    leases: [environmentLease(environment.app, environment.environment)],
    basis: {
      ...basisOf({ 'what serves': environment.table.generation, release: release.id, data: request.data }),
      ...(back === undefined ? {} : announcing(back.announced)),
    },
    lines,
    ...(back === undefined ? {} : { confirm: back.confirm }),
    steps:
      back === undefined
        ? activateSteps(environment, next)
        : exchangeSteps(world, environment, next, { manifest: back.found.manifest, names: back.names }),
  }
  return back === undefined ? plan : withDoubts(world, plan, request.data, back.found)
}

async function dataBack(world: World, environment: Environment, release: Release, snapshot: string) {
  const found = await findSnapshot(world, environment, release.spec, snapshot)
  const { manifest, spec } = found
  const names = manifest.parts.map(part => part.store).filter(name => spec.stores[name] !== undefined)
  const loss = await countLoss(world, environment, spec, manifest, names)
  return { found, names, announced: loss.announced, confirm: `go back to the data of ${manifest.id}: ${loss.text}` }
}

/** The one that served before, that did not end badly. @throws FettleError NOT_FOUND */
async function releaseBefore(world: World, environment: Environment, serving: Release): Promise<Release> {
  for (const release of environment.releases) {
    if (release.number >= serving.number) continue
    const notes = await readNotes(world, release)
    if (notes.note === undefined && notes.servedAt !== undefined) return release
  }
  const other = environment.releases.find(release => release.id !== serving.id)
  throw new FettleError('NOT_FOUND', `there is no good release before ${serving.id}`, {
    hint:
      other === undefined
        ? 'It is the only one. Deploy an earlier version of the source again.'
        : `\`fettle releases\` says why; one that is named is returned to all the same: \`fettle rollback ${environment.environment} ${other.id}\`.`,
  })
}

async function requireArtifact(world: World, release: Release): Promise<void> {
  if (await hasArtifact(world, release)) return
  throw new FettleError('NOT_FOUND', `the artifact of ${release.id} is gone`, { hint: 'Deploy that version of the source again.' })
}

async function describe(world: World, environment: Environment, serving: Release, release: Release, data: string): Promise<PlanLine[]> {
  const lines: PlanLine[] = [{ text: `${serving.id} → ${release.id}, with its configuration and secrets`, tone: 'change' }]
  const newer = environment.releases.filter(
    other => other.number > release.number && other.number <= serving.number && other.spec.release.migrate !== undefined,
  )
  for (const other of newer) {
    const { reversible, snapshot } = await readNotes(world, other)
    if (data !== 'keep') continue
    if (reversible === 'proved')
      lines.push({ text: `data stays: the tests of the release before ${other.id} passed on data it migrated`, tone: 'plain' })
    else {
      const text = `data stays, and ${other.id} migrated it: that ${release.id} works on it is ${reversible === 'refuted' ? 'refuted' : 'unproven'}`
      lines.push({ text: snapshot === undefined ? text : `${text}; \`--data ${snapshot}\` goes back to the data before it`, tone: 'warn' })
    }
  }
  const moves = storeWarnings(environment, release.spec).map((text): PlanLine => ({ text, tone: 'warn' }))
  const isSame = newer.length === 0 && moves.length === 0 && data === 'keep'
  return isSame ? [...lines, { text: 'data stays as it is: no release between them migrated it', tone: 'plain' }] : [...lines, ...moves]
}
