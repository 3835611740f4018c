import { inspect } from 'node:util'

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
    return '••••'
  }
  toJSON(): string {
    return '••••'
  }
  [inspect.custom](): string {
    return 'Secret(••••)'
  }
}

/** Name and version of a secret: what plans and releases hold in place of its value. */
export interface SecretRef {
  name: string
  version: number
}
