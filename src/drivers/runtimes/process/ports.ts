/** Ports for units, from a range of one's own: each belongs to one unit until that is removed, and none is taken that is in use. */
import { FettleError } from '../../../core/errors.ts'
import { listeners } from '../../../lib/listeners.ts'

export class Ports {
  readonly #from: number
  readonly #to: number
  readonly #taken = new Set<number>()
  #next: number

  /** `seed`: homes that share a range begin at different places, so that they seldom want the same port. */
  constructor({ from, to }: { from: number; to: number }, seed = 0) {
    this.#from = from
    this.#to = to
    this.#next = from + (seed % (to - from + 1))
  }

  /** Synchronous, so that two starts side by side never get the same. @throws PORT_IN_USE when none is free */
  take(): number {
    const inUse = new Set(listeners('self').map(({ port }) => port))
    for (let tries = this.#to - this.#from; tries >= 0; tries--) {
      const port = this.#next
      this.#next = port === this.#to ? this.#from : port + 1
      if (this.#taken.has(port) || inUse.has(port)) continue
      this.#taken.add(port)
      return port
    }
    throw new FettleError('PORT_IN_USE', `every port from ${this.#from} to ${this.#to} is taken`, {
      hint: 'Remove what is not needed (`fettle status` lists it) or give fettle a wider range of ports.',
    })
  }

  /** A port that a unit has from before. */
  keep(port: number): void {
    this.#taken.add(port)
  }

  release(port: number): void {
    this.#taken.delete(port)
  }
}
