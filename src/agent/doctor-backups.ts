/** What may be wrong with backups: never taken, never proven, damaged, or not where they were. */
import type { DoctorItem } from '../api/views.ts'
import { formatDuration } from '../core/format.ts'
import { failureText, isProven, standingFailure, wasProven } from '../core/proof.ts'
import type { Proof } from '../core/snapshot.ts'
import { isExternal } from '../core/spec/derived.ts'
import type { Spec } from '../core/spec/schema.ts'
import { bringKey, onlyForeign } from '../operations/snapshots/foreign.ts'
import { listSnapshots } from '../operations/snapshots/held.ts'
import { goneRepository, NEW_REPOSITORY, rememberedRepositories } from '../operations/snapshots/repository-record.ts'
import type { ProjectFile } from '../operations/target.ts'
import type { World } from '../operations/world.ts'

const DAY_MS = 86_400_000

interface Named {
  app: string
  environment: string
}

export interface KeptBackups extends Named {
  backups: Pick<Spec['backups'], 'repository'>
  /** Its file, where it is at hand. */
  project?: ProjectFile
}

/** Of environments that serve nothing of ours: that of the file, where it has data, and those that were ever backed up. */
export async function keptBackups(world: World, served: Named[], project: ProjectFile | undefined): Promise<KeptBackups[]> {
  const hasData = project !== undefined && isExternal(project.spec) && Object.keys(project.spec.stores).length > 0
  const inFile = hasData ? [{ app: project.spec.app, environment: project.environment, backups: project.spec.backups, project }] : []
  const seen = new Set(served.map(nameOf))
  return [...inFile, ...(await rememberedRepositories(world))].filter(one => {
    const isNew = !seen.has(nameOf(one))
    seen.add(nameOf(one))
    return isNew
  })
}

const nameOf = ({ app, environment }: Named): string => `${app}/${environment}`

export async function backupItems(world: World, named: Named, backups: KeptBackups['backups']): Promise<DoctorItem[]> {
  const name = `${nameOf(named)} backups`
  const gone = await goneRepository(world, named, backups)
  if (gone !== undefined) return [{ name, state: 'fail', text: gone, fix: `mount it; ${NEW_REPOSITORY}` }]
  const { held, ...others } = await listSnapshots(world, named, backups)
  const unreadable = others.unreadable.map(({ id, reason }): DoctorItem => {
    return { name, state: 'fail', text: `snapshot ${id} can not be read: ${reason}`, fix: 'fettle backup, then fettle drill' }
  })
  const foreign = await onlyForeign(world, named, backups)
  if (held.length === 0 && foreign !== undefined)
    return [...unreadable, { name, state: 'warn', text: foreign, fix: `${bringKey(world, named.app)}; else fettle backup` }]
  const proofs = await Promise.all(held.map(({ manifest, repository }) => repository.proofs(manifest)))
  const proven = held.find((_, index) => isProven(proofs[index] ?? []))
  const failure = standingFailure(proofs[0] ?? [])
  const failed = failure === undefined ? [] : [failedItem(name, held[0]?.manifest.id ?? '', failure, proven !== undefined)]
  return [...unreadable, ...failed, provenItem(name, world.clock.now(), proofs, proven?.manifest.takenAt)]
}

const failedItem = (name: string, snapshot: string, failure: Proof, hasProven: boolean): DoctorItem => ({
  name,
  state: 'fail',
  text: `${snapshot}, the newest snapshot, failed its proof: ${failureText(failure)}`,
  fix: `look what is wrong with the data; ${hasProven ? '`fettle restore` takes the newest that is proven' : '`fettle backup`, then `fettle drill`'}`,
})

/** @param all the proofs of each, newest first */
function provenItem(name: string, now: number, all: Proof[][], provenAt: number | undefined): DoctorItem {
  if (all.length === 0) return { name, state: 'warn', text: 'no snapshot was ever taken', fix: 'fettle backup' }
  if (provenAt === undefined) {
    const text = all.some(wasProven) ? 'no snapshot is proven by a restore any more' : 'no snapshot was ever proven by a restore'
    const hasFailed = standingFailure(all[0] ?? []) !== undefined
    return { name, state: 'warn', text, fix: hasFailed ? 'fettle backup, then fettle drill' : 'fettle drill' }
  }
  const text = `the newest proven snapshot is ${formatDuration(now - provenAt)} old`
  return now - provenAt > 7 * DAY_MS ? { name, state: 'warn', text, fix: 'fettle drill' } : { name, state: 'ok', text }
}
