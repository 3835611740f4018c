/** What is listed as a snapshot restores: loaded into an empty folder and compared, by the code that a drill runs in its worker. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from '../../src/core/secret.ts'
import type { Manifest } from '../../src/core/snapshot.ts'
import { stores } from '../../src/drivers/registry.ts'
import { createDirectoryRepository } from '../../src/drivers/repositories/directory/index.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { Listed, Repository } from '../../src/ports/repository.ts'
import { load } from '../../src/worker/load.ts'
import type { Site } from './site.ts'

export class Snapshots {
  readonly #site: Site
  readonly #repository: Repository
  readonly #proven = new Set<string>()

  constructor(site: Site) {
    this.#site = site
    const identity = async () => new Secret(await readFile(site.paths.key('ledger'), 'utf8'))
    this.#repository = createDirectoryRepository({ folder: site.repository, recipients: [], identity })
  }

  async list(): Promise<Manifest[]> {
    return (await this.#listed()).own
  }

  #listed(): Promise<Listed> {
    return this.#repository.list('ledger', 'production')
  }

  /** Restores each that was not restored here before. @returns what is wrong with them */
  async problems(): Promise<string[]> {
    const { own, unreadable } = await this.#listed()
    const found: string[] = []
    for (const manifest of own) {
      if (this.#proven.has(manifest.id)) continue
      found.push(...(await this.#restore(manifest)))
      this.#proven.add(manifest.id)
    }
    return [...unreadable.map(({ path, reason }) => `${path} can not be read: ${reason}`), ...found]
  }

  async #restore(manifest: Manifest): Promise<string[]> {
    const folder = await mkdtemp(join(this.#site.folder, 'proof-'))
    const configs: Record<string, unknown> = { data: { sqlite: 'ledger.db' }, uploads: { files: '.' } }
    const at = manifest.parts.map(({ store, driver }) => ({ name: store, driver, config: configs[store], folder: join(folder, store) }))
    const world = { stores, clock: systemClock, openRepository: async () => this.#repository, progress: { stage() {}, add() {} } }
    const task = { task: 'snapshot.load', result: '', scratch: '', durable: false, parts: manifest.parts, stores: at } as const
    const repository = { driver: 'directory', folder: '', recipients: [] }
    try {
      const { differences } = await load(world, { ...task, repository }, AbortSignal.timeout(60_000))
      return differences.map(({ store, item, what }) => `snapshot ${manifest.id}: ${store}/${item}: ${what}`)
    } catch (error) {
      return [`snapshot ${manifest.id} does not restore: ${(error as Error).message}`]
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}
