/** Waits for a condition that some notification makes true, without polling. */
import { FettleError } from '../../../core/errors.ts'

export class Changes {
  readonly #checks = new Set<() => void>()

  notify(): void {
    for (const check of [...this.#checks]) check()
  }

  /** Resolves with the first value that `find` has. @throws CANCELLED */
  until<T>(find: () => T | undefined, what: string, signal?: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const check = () => {
      try {
        const found = find()
        if (found !== undefined) resolve(found)
      } catch (error) {
        reject(error)
      }
    }
    const abort = () => reject(new FettleError('CANCELLED', `waiting for ${what} was cancelled`, { cause: signal?.reason }))
    this.#checks.add(check)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted === true) abort()
    check()
    return promise.finally(() => {
      this.#checks.delete(check)
      signal?.removeEventListener('abort', abort)
    })
  }
}
