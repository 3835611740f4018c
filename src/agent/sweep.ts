/** What an ended operation leaves is removed: its commands, task files, scratch copies, sandboxes. Only what bears its name. */
import { rm } from 'node:fs/promises'
import { isOver, type OperationRecord } from '../core/plan.ts'
import { listReleases } from '../operations/environment.ts'
import type { World } from '../operations/world.ts'
import { folders } from './epoch.ts'

export async function sweepOperation(world: World, { id, state }: Pick<OperationRecord, 'id' | 'state'>): Promise<void> {
  if (!isOver(state) || state === 'held') return
  await sweepById(world, id)
}

async function sweepById(world: World, id: string): Promise<void> {
  for (const name of await world.runtime.commands({ operation: id })) {
    await world.runtime.kill(name)
    await world.runtime.forget(name)
  }
  for (const name of await world.runtime.sandboxes()) if (name.startsWith(`${id}-`)) await world.runtime.closeSandbox(name)
  await rm(world.layout.task(id), { recursive: true, force: true })
  await rm(world.layout.scratch(id), { recursive: true, force: true })
}

/** After a crash: traces of operations that are over, or of plans that were never begun. */
export async function sweepStrays(world: World, isOpen: (id: string) => boolean): Promise<void> {
  const ids = new Set([...(await folders(world.layout.tasks)), ...(await folders(world.layout.scratches))])
  for (const id of ids) if (!isOpen(id)) await sweepById(world, id)
  await sweepPending(world, isOpen)
}

/** Transactions of a repository whose operation is over: nothing refers to them. */
async function sweepPending(world: World, isOpen: (id: string) => boolean): Promise<void> {
  for (const app of await folders(world.layout.apps)) {
    for (const environment of await folders(`${world.layout.apps}/${app}`)) {
      const [newest] = await listReleases(world, app, environment)
      if (newest === undefined) continue
      const repository = await world.repository(app, newest.spec.backups)
      await repository.open()
      for (const id of await repository.pending()) if (!isOpen(id)) await repository.abandon(id)
    }
  }
}
