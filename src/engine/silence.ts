/** Says so when a step shows no sign of life for longer than its kind allows; each sign starts the time anew. It kills nothing. */
import type { Clock } from '../ports/clock.ts'

export class SilenceWatch {
  readonly #clock: Clock
  readonly #over = new AbortController()
  readonly #ended: AbortSignal
  #lastSign: number

  constructor(clock: Clock, silentForMs: number, stop: AbortSignal, onSilence: (silentMs: number) => void) {
    this.#clock = clock
    this.#ended = AbortSignal.any([this.#over.signal, stop])
    this.#lastSign = clock.monotonic()
    this.#watch(silentForMs, onSilence).catch(error => {
      if (!this.#ended.aborted) throw error
    })
  }

  sign(): void {
    this.#lastSign = this.#clock.monotonic()
  }

  stop(): void {
    this.#over.abort()
  }

  async #watch(silentForMs: number, onSilence: (silentMs: number) => void): Promise<void> {
    let waitMs = silentForMs
    for (;;) {
      await this.#clock.sleep(waitMs, this.#ended)
      const silentMs = Math.round(this.#clock.monotonic() - this.#lastSign)
      if (silentMs >= silentForMs) onSilence(silentMs)
      waitMs = silentMs >= silentForMs ? silentForMs : silentForMs - silentMs
    }
  }
}
