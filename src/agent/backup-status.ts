/** What the agent tells about the snapshots of an environment. */
import type { Answers } from '../api/contract.ts'
import type { EnvironmentStatus } from '../api/views.ts'
import { failureText, highestRung, isProven, standingFailure, wasProven } from '../core/proof.ts'
import { snapshotNotes } from '../core/snapshot-notes.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Named } from '../operations/kept.ts'
import { type HeldSnapshot, listSnapshots, type Snapshots } from '../operations/snapshots/held.ts'
import { absentFormer, goneAmong, type Place } from '../operations/snapshots/repository-record.ts'
import { storesLack } from '../operations/snapshots/steps.ts'
import type { World } from '../operations/world.ts'
import type { Proof } from '../ports/repository.ts'

interface Held extends Omit<Snapshots, 'held'> {
  all: (HeldSnapshot & { proofs: Proof[] })[]
  gone?: string
}

async function heldOf(world: World, named: Named, backups: Place): Promise<Held> {
  const { held, foreign, unreadable } = await listSnapshots(world, named, backups)
  const gone = await goneAmong(world, named, backups, held[0]?.manifest.takenAt ?? 0)
  return {
    all: await Promise.all(held.map(async one => ({ ...one, proofs: await one.repository.proofs(one.manifest) }))),
    foreign,
    unreadable,
    ...(gone === undefined ? {} : { gone }),
  }
}

export async function backupStatus(world: World, environment: Named, backups: Place): Promise<NonNullable<EnvironmentStatus['backup']>> {
  const { all, foreign, unreadable, gone } = await heldOf(world, environment, backups)
  const newest = all[0]
  const failure = standingFailure(newest?.proofs ?? [])
  const proven = all.find(({ proofs }) => isProven(proofs))
  return {
    ...(newest === undefined ? {} : { newestAt: newest.manifest.takenAt, rung: highestRung(newest.proofs) }),
    ...(failure === undefined ? {} : { failed: failureText(failure) }),
    ...(proven === undefined ? {} : { provenAt: proven.manifest.takenAt }),
    ...(proven === undefined && all.some(({ proofs }) => wasProven(proofs)) ? { provenOnce: true as const } : {}),
    ...(foreign.length === 0 ? {} : { foreign: foreign.map(({ id }) => id) }),
    ...(unreadable.length === 0 ? {} : { unreadable: unreadable.map(({ id }) => id) }),
    ...(gone === undefined ? {} : { gone }),
  }
}

export async function snapshotViews(world: World, environment: Named, spec: Spec): Promise<Answers['snapshots']> {
  const { all, foreign: others, unreadable, gone } = await heldOf(world, environment, spec.backups)
  const foreign = others.map(({ id, takenAt, recipients = [] }) => ({ id, takenAt, recipients }))
  const here = world.repositoryFolder(spec.backups)
  const snapshots = all.map(({ manifest, proofs, place }) => {
    const failure = standingFailure(proofs)
    const folder = world.repositoryFolder(place)
    return {
      id: manifest.id,
      label: manifest.label,
      release: manifest.release,
      takenAt: manifest.takenAt,
      skewMs: manifest.skewMs,
      storedBytes: manifest.parts.flatMap(part => part.objects).reduce((sum, object) => sum + object.storedBytes, 0),
      stores: manifest.parts.map(part => ({
        name: part.store,
        driver: part.driver,
        rows: Object.values(part.fingerprint.items).reduce((sum, item) => sum + item.rows, 0),
        reused: part.reused,
      })),
      rung: highestRung(proofs),
      proofs,
      notes: snapshotNotes(manifest.parts),
      ...(failure === undefined ? {} : { failed: failureText(failure) }),
      ...(folder === here ? {} : { formerFolder: folder }),
    }
  })
  const lack = storesLack(spec)
  const absent = await absentFormer(world, environment, spec.backups)
  return { snapshots, foreign, unreadable, absent, ...(gone === undefined ? {} : { gone }), ...(lack === undefined ? {} : { lack }) }
}
