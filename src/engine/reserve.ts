/**
 * Some space kept back beside the journal, given up when the disk is full: an operation that filled it can then still be undone, which
 * makes room. Kept again as soon as there is.
 */
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Hundreds of times what the steps of one operation write. */
const RESERVE_BYTES = 4 << 20

export class Reserve {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Keeps the space, where there is room for it; to be called when the journal opens and after each operation. @returns whether it is kept */
  keep(): boolean {
    if (existsSync(this.#path)) return true
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    if (bavail * bsize < RESERVE_BYTES) return false
    let file: number | undefined
    try {
      file = openSync(this.#path, 'wx', 0o600)
      writeSync(file, Buffer.alloc(RESERVE_BYTES))
      fsyncSync(file)
      return true
    } catch {
      rmSync(this.#path, { force: true }) // no room now: the journal itself will say so when it needs some
      return false
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  /** @returns whether there was anything to give */
  giveUp(): boolean {
    const isKept = existsSync(this.#path)
    rmSync(this.#path, { force: true })
    return isKept
  }
}
