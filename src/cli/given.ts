import { FettleError } from '../core/errors.ts'

/** What was typed, read by type: the parser itself knows only strings and booleans. */
export class Given {
  readonly args: string[]
  readonly #options: Record<string, unknown>

  constructor(args: string[], options: Record<string, unknown>) {
    this.args = args
    this.#options = options
  }

  flag(name: string): boolean {
    return this.#options[name] === true
  }

  /** `--no-<name>` was given. */
  isOff(name: string): boolean {
    return this.#options[name] === false
  }

  text(name: string): string | undefined {
    const value = this.#options[name]
    return typeof value === 'string' ? value : undefined
  }

  /** The same with another option given. */
  with(name: string, value: string): Given {
    return new Given(this.args, { ...this.#options, [name]: value })
  }

  list(name: string): string[] {
    const value = this.#options[name]
    return Array.isArray(value) ? value.map(String) : []
  }

  /** @throws FettleError USAGE */
  count(name: string, least = 0): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text)
    throw new FettleError('USAGE', `--${name} takes a whole number from ${least} to 999999999, not ${JSON.stringify(text)}`)
  }
}
