/**
 * What operations are handed: everything they may touch, as ports. Nothing here knows which driver is behind a port.
 */
import type { RepositoryConfig } from '../core/data-tasks.ts'
import type { Hide } from '../core/free-text.ts'
import type { Layout } from '../core/layout.ts'
import type { Spec } from '../core/spec/schema.ts'
import type { Clock } from '../ports/clock.ts'
import type { Proxy } from '../ports/proxy.ts'
import type { Repository } from '../ports/repository.ts'
import type { Runtime } from '../ports/runtime.ts'
import type { SecretStore } from '../ports/secrets.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'

/** `spokenNames` of the app, for a value that was just opened or set. */
export type SpokenNames = () => Promise<ReadonlySet<string>>

export interface World {
  layout: Layout
  version: string
  clock: Clock
  /** For what is cut or made into something else before the agent could hide secrets in it. */
  hide: Hide
  runtime: Runtime
  proxy: Proxy
  /** By the key in the file: `sqlite`, `files`. */
  stores: ReadonlyMap<string, Store>
  repository(app: string, backups: Pick<Spec['backups'], 'repository'>): Promise<Repository>
  /** Where it lies, absolute; whether anything is there or not. */
  repositoryFolder(backups: Pick<Spec['backups'], 'repository'>): string
  /** The same repository, as a data worker is told of it. @throws FettleError SECRET_LOCKED when the key is gone */
  repositoryConfig(app: string, backups: Pick<Spec['backups'], 'repository'>): Promise<RepositoryConfig>
  /** The encrypted file of an environment in `folder`: a project, or a release that keeps a copy. Without a file there are no secrets. */
  secrets(app: string, environment: string, folder: string, names: SpokenNames): SecretStore
  /** @param leaveOut absolute paths of files in the folder that are not part of it */
  source(spec: Spec, projectFolder: string, leaveOut?: string[]): Source
  /** What build commands get beside the environment of every unit. */
  buildEnvironment: Record<string, string>
  /** The argv that starts a data worker, without its task file. */
  worker: string[]
}
