import { inspect } from 'node:util'

/** What stands in print where a secret would. */
export const MASK = '••••'

/** No store takes a longer value: an environment holds hardly more, and to find its traces would take minutes. */
export const MOST_SECRET_BYTES = 64 * 1024

/**
 * A value that never prints: not by template, JSON, console or inspection. `reveal()` is called only where the value
 * leaves fettle for the process or file that needs it.
 */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }
  reveal(): string {
    return this.#value
  }
  toString(): string {
    return MASK
  }
  toJSON(): string {
    return MASK
  }
  [inspect.custom](): string {
    return `Secret(${MASK})`
  }
}

/** Name and version of a secret: what plans and releases hold in place of its value. */
export interface SecretRef {
  name: string
  version: number
}

/** The newest version of a secret. */
export interface LatestSecret extends SecretRef {
  /** Version of its newest rotation: values older than that are no longer valid anywhere. */
  rotated?: number
}
