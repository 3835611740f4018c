/** A unit's log and the eye on its growth. */
import { type FSWatcher, watch } from 'node:fs'
import type { LogStore } from './log-store.ts'
import type { Unit } from './unit.ts'

/** A file that grows is looked at so often, one that does not never. */
const LOOK_EVERY_MS = 250

export class WatchedLog {
  readonly unit: Unit
  readonly store: LogStore
  readonly #onGrowth: () => void
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(unit: Unit, store: LogStore, onGrowth: () => void) {
    this.unit = unit
    this.store = store
    this.#onGrowth = onGrowth
  }

  /** One event, then a look after a while: an app that prints a million lines a second must not cost the agent a million events. */
  watch(): void {
    this.#watcher = watch(this.store.path, { persistent: false }, () => {
      this.#watcher?.close()
      this.#onGrowth()
      this.#timer ??= setTimeout(() => this.#look(), LOOK_EVERY_MS).unref()
    })
    this.#watcher.on('error', () => this.close())
    // Who looked before it was noticed that the file was truncated by hand has seen nothing to read.
    void this.store.grown().then(beganAnew => beganAnew && this.#onGrowth())
  }

  #look(): void {
    this.#timer = undefined
    this.watch()
    this.#onGrowth()
  }

  close(): void {
    this.#watcher?.close()
    clearTimeout(this.#timer)
  }
}
