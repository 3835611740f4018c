/** What the steps on data have in common: their inputs, and the repository they mean. */
import * as z from 'zod'
import { type Spec, Store as StoreConfig } from '../../core/spec/schema.ts'
import type { StepContext } from '../../engine/step.ts'
import type { Manifest, Repository, SnapshotName } from '../../ports/repository.ts'
import type { World } from '../world.ts'

export const Folders = z.record(z.string(), z.string())
export const Configs = z.record(z.string(), StoreConfig)
export const BackupsInput = z.custom<Spec['backups']>(value => typeof value === 'object' && value !== null)
export const ManifestInput = z.custom<Manifest>(value => typeof value === 'object' && value !== null)

/** Not opened, which would write: one that can only be read gives back what it holds all the same. */
export const repositoryOf = (world: World, context: StepContext, backups: Spec['backups']): Promise<Repository> =>
  world.repository(context.operation.app, backups)

/** Of the environment that the operation is about. */
export const snapshotName = ({ operation: { app, environment } }: StepContext, id: string): SnapshotName => ({ app, environment, id })
