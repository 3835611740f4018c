/** The logs of units that were removed: one zstd file each, kept by the same limits as the logs of what runs. */
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import { namesIn } from '../../../lib/files.ts'
import { foldersIn } from './group-files.ts'
import type { Host } from './host.ts'
import type { LogStore } from './log-store.ts'

export class LogArchive {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  /** As `<unit>/<time of its start>.log.zst`. One frame: not every reader of zstd goes on behind the first. Idempotent. */
  async keep(unit: string, startedAt: number, log: LogStore): Promise<void> {
    const folder = join(this.#host.archive, unit)
    const path = join(folder, `${new Date(startedAt).toISOString().replaceAll(/[:.]/g, '')}.log.zst`)
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await pipeline(bytesOf(log), createZstdCompress(), createWriteStream(`${path}.tmp`, { mode: 0o600, flush: true }))
      await rename(`${path}.tmp`, path)
    } catch (error) {
      await rm(`${path}.tmp`, { force: true })
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      // A unit is often removed because the disk is full.
      this.#host.log(`the log of ${unit} was not kept: the disk is full`)
    }
    await this.#prune(folder)
  }

  async prune(): Promise<void> {
    for (const unit of await foldersIn(this.#host.archive)) await this.#prune(join(this.#host.archive, unit))
  }

  async #prune(folder: string): Promise<void> {
    const { keepBytes, keepMs } = this.#host.logs
    let bytes = 0
    for (const name of (await namesIn(folder)).sort().reverse()) {
      const { size, mtimeMs } = await stat(join(folder, name))
      bytes += size
      if (bytes > keepBytes || this.#host.clock.now() - mtimeMs > keepMs) await rm(join(folder, name), { force: true })
    }
  }
}

async function* bytesOf(log: LogStore): AsyncGenerator<Buffer> {
  for await (const { bytes } of log.read(0)) yield bytes
}
