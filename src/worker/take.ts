import type { TaskOf, TaskResult } from '../core/data-tasks.ts'
import { FettleError } from '../core/errors.ts'
import { comparedRows } from '../core/fingerprint.ts'
import { plural } from '../core/format.ts'
import type { Repository } from '../ports/repository.ts'
import type { SnapshotPart } from '../ports/store.ts'
import { countedSink, openStore, type TaskWorld } from './world.ts'

type Take = TaskOf<'snapshot.take'>

/** Writes all stores into the transaction, as nearly at one moment as they allow. What a crash left of it before is removed first. */
export async function take(world: TaskWorld, task: Take, signal: AbortSignal): Promise<TaskResult<'snapshot.take'>> {
  const repository = await world.openRepository(task.repository)
  await repository.abandon(task.operation)
  await repository.begin(task.operation)
  const views: number[] = []
  const viewed = () => {
    views.push(world.clock.monotonic())
    return world.clock.now()
  }
  // Everything that can be asked before is, so that the dumps begin together.
  const jobs = await Promise.all(
    task.stores.map(async at => ({ at, ...openStore(world, at), previous: await reusablePart(repository, task, at.name) })),
  )
  world.progress.stage(`dumping ${task.stores.map(store => store.name).join(', ')}`)
  const sink = countedSink(repository.sink(task.operation), world.progress)
  const { scratch, cache } = task
  const parts = await allOrFirstError(
    jobs.map(({ at, store, config, previous }) =>
      store.dump(at.folder, config, sink, {
        store: at.name,
        scratch,
        viewed,
        signal,
        ...(cache === undefined ? {} : { cache }),
        ...(previous === undefined ? {} : { previous }),
      }),
    ),
  )
  for (const part of parts) refuseEmptied(part, task.previous?.parts)
  const skewMs = views.length === 0 ? 0 : Math.max(...views) - Math.min(...views)
  return { parts, skewMs: Math.round(skewMs * 1000) / 1000, how: repository.howToRestore(parts) }
}

async function reusablePart(repository: Repository, task: Take, store: string): Promise<SnapshotPart | undefined> {
  const part = task.previous?.parts.find(part => part.store === store)
  return part !== undefined && (await repository.isReusable(part)) ? part : undefined
}

/** All end before the first error is thrown: nothing writes on into a transaction that is given up. */
async function allOrFirstError<Result>(running: Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(running)
  return Promise.all(running)
}

/**
 * Nothing where there was something (a file cut to 0 bytes, a volume that is not mounted) is how backups are lost: it would be kept as
 * a success, and the good ones forgotten. Tables without rows are not nothing.
 */
function refuseEmptied(part: SnapshotPart, before: SnapshotPart[] | undefined): void {
  const earlier = before?.find(other => other.store === part.store)
  if (earlier === undefined || Object.keys(part.fingerprint.items).length > 0 || comparedRows(earlier.fingerprint) === 0) return
  throw new FettleError(
    'REFUSED',
    `store ${part.store} is empty, and held ${plural(comparedRows(earlier.fingerprint), 'row or file', 'rows or files')} before`,
    {
      hint: `Is its file or volume still there? \`fettle restore\` brings back what it held. If it was emptied on purpose, put one row or file into it.`,
    },
  )
}
