/** What speaks against the snapshot that was found for a plan, or against its being the newest. */
import { FettleError } from '../../core/errors.ts'
import type { Plan } from '../../core/plan.ts'
import { failureText, standingFailure } from '../../core/proof.ts'
import type { World } from '../world.ts'
import { type Found, listSnapshots, unreadableText } from './held.ts'

/** The plan says it, and asks. @param wanted what led to the found one */
export async function withDoubts(world: World, plan: Plan, wanted: string, found: Found): Promise<Plan> {
  const failure = await failureOf(world, found)
  const doubts = wanted.startsWith('newest') ? await newerThan(world, found) : []
  const passed = wanted === 'newest-proven' ? await failedSince(world, found) : []
  const lines = [...passed, ...failure, ...doubts].map(text => ({ text, tone: 'warn' as const }))
  // That it failed before is a reason to drill it, none to ask.
  const asked = plan.kind === 'drill' ? doubts : [...failure, ...doubts]
  const question = plan.confirm ?? `${plan.kind} ${found.manifest.id}`
  return {
    ...plan,
    lines: [...plan.lines, ...lines],
    ...(asked.length === 0 ? {} : { confirm: `${question}${plan.confirm === undefined ? ':' : ';'} ${asked.join('; ')}` }),
  }
}

/** For what goes on without asking anybody. @throws FettleError REFUSED */
export function requireNewest({ gone }: Found): void {
  if (gone === undefined) return
  throw new FettleError('REFUSED', `newer snapshots may lie where none can be found: ${gone}`, {
    hint: 'Mount it and try again; `fettle deploy --rehearse on` takes a fresh snapshot.',
  })
}

async function failureOf(world: World, { manifest, spec }: Found): Promise<string[]> {
  const failure = standingFailure(await (await world.repository(manifest.app, spec.backups)).proofs(manifest))
  return failure === undefined ? [] : [`it failed its proof: ${failureText(failure)}`]
}

/** What may be newer and can not be seen. */
async function newerThan(world: World, { manifest, spec, gone }: Found): Promise<string[]> {
  const { unreadable } = await listSnapshots(world, manifest, spec.backups)
  const newer = unreadableText(unreadable.filter(({ id }) => id > manifest.id))
  return [...(newer === undefined ? [] : [`not the newest: ${newer}`]), ...(gone === undefined ? [] : [`maybe not the newest: ${gone}`])]
}

/** What was passed over. Nobody is asked: what is gone with it is counted anyway. */
async function failedSince(world: World, { manifest, spec }: Found): Promise<string[]> {
  const { held } = await listSnapshots(world, manifest, spec.backups)
  const newer = held.filter(({ manifest: { takenAt } }) => takenAt > manifest.takenAt)
  const failures = newer.map(async ({ manifest, repository }) => {
    const failure = standingFailure(await repository.proofs(manifest))
    return failure === undefined ? [] : [`not the newest: ${manifest.id} failed: ${failureText(failure)}`]
  })
  return (await Promise.all(failures)).flat()
}
