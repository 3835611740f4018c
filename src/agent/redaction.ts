/** Every secret that was opened while the agent lives is hidden in all that leaves it. */
import type { Secret } from '../core/secret.ts'
import { createRedactor, type Redactor } from '../lib/redact.ts'
import type { SecretStore } from '../ports/secrets.ts'

export class Redaction {
  readonly #known = new Map<string, Secret>()
  #redactor: Redactor | undefined

  add(secret: Secret): void {
    if (this.#known.has(secret.reveal())) return
    this.#known.set(secret.reveal(), secret)
    this.#redactor = createRedactor(this.#known.values())
  }

  readonly redact = (text: string): string => this.#redactor?.redact(text) ?? text

  /** The same store; what it opens is known here from then on. */
  watch(store: SecretStore): SecretStore {
    return {
      latest: () => store.latest(),
      list: () => store.list(),
      remove: name => store.remove(name),
      open: async ref => {
        const secret = await store.open(ref)
        this.add(secret)
        return secret
      },
      set: (name, value, options) => {
        this.add(value)
        return store.set(name, value, options)
      },
    }
  }
}
