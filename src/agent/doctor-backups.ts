/** What may be wrong with backups: never taken, never proven, damaged, or not where they were. */
import type { DoctorItem } from '../api/views.ts'
import { formatDuration } from '../core/format.ts'
import { isProven, standingFailure } from '../core/proof.ts'
import type { Proof } from '../core/snapshot.ts'
import type { Spec } from '../core/spec/schema.ts'
import { bringKey, onlyForeign } from '../operations/foreign-snapshots.ts'
import { goneRepository, NEW_REPOSITORY, rememberedRepositories } from '../operations/repository-record.ts'
import type { ProjectFile } from '../operations/target.ts'
import type { World } from '../operations/world.ts'
import { isExternal } from './status.ts'

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
  const { app, environment } = named
  const name = `${nameOf(named)} backups`
  const gone = await goneRepository(world, named, backups)
  if (gone !== undefined) return [{ name, state: 'fail', text: gone, fix: `mount it; ${NEW_REPOSITORY}` }]
  const repository = await world.repository(app, backups)
  const unreadable = (await repository.unreadable(app, environment)).map(({ id, reason }): DoctorItem => {
    return { name, state: 'fail', text: `snapshot ${id} can not be read: ${reason}`, fix: 'fettle backup, then fettle drill' }
  })
  const manifests = await repository.list(app, environment)
  const foreign = await onlyForeign(world, named, backups)
  if (foreign !== undefined)
    return [...unreadable, { name, state: 'warn', text: foreign, fix: `${bringKey(world, app)}; else fettle backup` }]
  const proofs = await Promise.all(manifests.map(manifest => repository.proofs(manifest)))
  const proven = manifests.find((_, index) => isProven(proofs[index] ?? []))
  const failure = standingFailure(proofs[0] ?? [])
  const failed = failure === undefined ? [] : [failedItem(name, manifests[0]?.id ?? '', failure)]
  return [...unreadable, ...failed, provenItem(name, world.clock.now(), manifests.length, proven?.takenAt)]
}

const failedItem = (name: string, snapshot: string, { note }: Proof): DoctorItem => ({
  name,
  state: 'fail',
  text: `${snapshot}, the newest snapshot, failed its proof: ${note ?? 'see `fettle snapshots`'}`,
  fix: 'look what is wrong with the data; `fettle restore` takes the newest that is proven',
})

function provenItem(name: string, now: number, count: number, provenAt: number | undefined): DoctorItem {
  if (count === 0) return { name, state: 'warn', text: 'no snapshot was ever taken', fix: 'fettle backup' }
  if (provenAt === undefined) return { name, state: 'warn', text: 'no snapshot was ever proven by a restore', fix: 'fettle drill' }
  const text = `the newest proven snapshot is ${formatDuration(now - provenAt)} old`
  return now - provenAt > 7 * DAY_MS ? { name, state: 'warn', text, fix: 'fettle drill' } : { name, state: 'ok', text }
}
