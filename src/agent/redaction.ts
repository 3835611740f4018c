/** Every value that was ever opened or set is hidden in all that leaves the agent. */
import { Secret } from '../core/secret.ts'
import { createRedactor, type Redactor } from '../lib/redact.ts'
import type { SecretStore } from '../ports/secrets.ts'
import type { SeenSecrets } from './seen-secrets.ts'

export class Redaction {
  readonly #seen: Pick<SeenSecrets, 'read' | 'write'>
  readonly #known = new Map<string, Secret>()
  /** Made when it is needed: a file of secrets is opened one by one. */
  #redactor: Redactor | undefined
  #isSaved = true
  #saving: Promise<void> = Promise.resolve()

  constructor(seen: Pick<SeenSecrets, 'read' | 'write'>) {
    this.#seen = seen
  }

  /** What earlier agents knew. Before anything is shown. @throws FettleError DAMAGED */
  async recall(): Promise<void> {
    for (const value of await this.#seen.read()) this.#known.set(value, new Secret(value))
    this.#redactor = undefined
  }

  /** Resolves once the next agent will know it too: only then may an app be given it. @throws FettleError DISK_FULL */
  async add(secret: Secret): Promise<void> {
    if (!this.#known.has(secret.reveal())) {
      this.#known.set(secret.reveal(), secret)
      this.#redactor = undefined
      this.#isSaved = false
    }
    const save = () => this.#save()
    this.#saving = this.#saving.then(save, save)
    await this.#saving
  }

  async #save(): Promise<void> {
    if (this.#isSaved) return
    this.#isSaved = true
    try {
      await this.#seen.write(this.#known.keys())
    } catch (error) {
      this.#isSaved = false
      throw error
    }
  }

  readonly hide = (text: string): string => {
    if (this.#known.size === 0) return text
    this.#redactor ??= createRedactor(this.#known.values())
    return this.#redactor.redact(text)
  }

  /** The same store; what it opens is known here from then on. */
  watch(store: SecretStore): SecretStore {
    return {
      latest: () => store.latest(),
      list: () => store.list(),
      remove: name => store.remove(name),
      open: async ref => {
        const secret = await store.open(ref)
        await this.add(secret)
        return secret
      },
      set: async (name, value, options) => {
        await this.add(value)
        return store.set(name, value, options)
      },
    }
  }
}
