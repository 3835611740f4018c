/** Where requests of one environment wait: for the end of a hold, or for an instance to come back. */
export class WaitingRoom {
  readonly #waiting = new Map<object, { wake: () => void; timer: NodeJS.Timeout }>()

  get size(): number {
    return this.#waiting.size
  }

  /** Calls exactly one of both, once, unless it leaves before. */
  enter(who: object, limitMs: number, wake: () => void, giveUp: () => void): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(who)
      giveUp()
    }, limitMs)
    this.#waiting.set(who, { wake, timer })
  }

  leave(who: object): void {
    clearTimeout(this.#waiting.get(who)?.timer)
    this.#waiting.delete(who)
  }

  /** First come, first served. */
  wakeAll(): void {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { wake, timer } of all) {
      clearTimeout(timer)
      wake()
    }
  }
}
