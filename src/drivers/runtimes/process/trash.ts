/** Removing a folder so that it is there or not there, never half: it is renamed away first. What a crash leaves is swept at the start. */
import { randomBytes } from 'node:crypto'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTree } from '../../../lib/remove-tree.ts'

export class Trash {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async take(path: string): Promise<void> {
    const place = join(this.#folder, randomBytes(6).toString('hex'))
    await mkdir(this.#folder, { recursive: true })
    try {
      await rename(path, place)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    await removeTree(place)
  }

  async empty(): Promise<void> {
    await removeTree(this.#folder)
  }
}
