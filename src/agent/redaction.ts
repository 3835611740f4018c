/**
 * Every value that was ever opened or set is hidden in all that leaves the agent; one that is a word, only in what is about an app
 * that has it, and one that is a name in the app's file nowhere: `admin` as a password of one app says nothing in the messages of another, and would make them hard to read.
 */
import type { Hide } from '../core/free-text.ts'
import { MOST_SECRET_BYTES, Secret } from '../core/secret.ts'
import { isSpoken } from '../core/spec/derived.ts'
import { createRedactor, type RedactedStream, type Redactor, redactBare, redactedStream } from '../lib/redact.ts'
import { isWordLike } from '../lib/word-like.ts'
import type { SpokenNames } from '../operations/world.ts'
import type { SecretStore } from '../ports/secrets.ts'
import type { SeenSecret, SeenSecrets } from './seen-secrets.ts'

export class Redaction {
  readonly #seen: Pick<SeenSecrets, 'read' | 'write'>
  readonly #known = new Map<string, SeenSecret>()
  /** Made when they are needed, for a file of secrets is opened one by one: of what is hidden everywhere, and of the words of an app. */
  #everywhere: Redactor | undefined
  readonly #words = new Map<string | undefined, Redactor>()
  #isSaved = true
  #saving: Promise<void> = Promise.resolve()

  constructor(seen: Pick<SeenSecrets, 'read' | 'write'>) {
    this.#seen = seen
  }

  /** What earlier agents knew. Before anything is shown. @throws FettleError DAMAGED, VERSION */
  async recall(): Promise<void> {
    for (const seen of await this.#seen.read()) this.#learn(seen)
  }

  #learn(seen: SeenSecret): void {
    this.#known.set(seen.value, seen)
    this.#renew()
  }

  #unlearn(value: string): void {
    this.#known.delete(value)
    this.#renew()
  }

  #renew(): void {
    this.#everywhere = undefined
    this.#words.clear()
  }

  /** A value that is a name of the app, or a part of one, is in every message about it, which hiding would break, and says nothing there. */
  async take(secret: Secret, app: string, names: SpokenNames): Promise<void> {
    const isName = isSpoken(await names(), secret.reveal())
    await (isName ? this.#forget(secret.reveal(), app) : this.add(secret, app))
  }

  /** One that became a name. */
  async #forget(value: string, app: string): Promise<void> {
    const apps = this.#known.get(value)?.apps
    if (apps?.includes(app) !== true) return
    const others = apps.filter(other => other !== app)
    if (others.length > 0) this.#learn({ value, apps: others })
    else this.#unlearn(value)
    this.#isSaved = false
    await this.#keep()
  }

  /** Resolves once the next agent will know it too: only then may the app be given it. @throws FettleError DISK_FULL */
  async add(secret: Secret, app: string): Promise<void> {
    const value = secret.reveal()
    const { apps }: Pick<SeenSecret, 'apps'> = this.#known.get(value) ?? { apps: [] }
    // Of what an earlier fettle kept nobody knows the apps: it stays every app's.
    if (apps?.includes(app) === false) {
      this.#learn({ value, apps: [...apps, app] })
      this.#isSaved = false
    }
    await this.#keep()
  }

  async #keep(): Promise<void> {
    const save = () => this.#save()
    this.#saving = this.#saving.then(save, save)
    await this.#saving
  }

  async #save(): Promise<void> {
    if (this.#isSaved) return
    this.#isSaved = true
    try {
      await this.#seen.write(this.#known.values())
    } catch (error) {
      this.#isSaved = false
      throw error
    }
  }

  readonly hide: Hide = (text, app) => {
    if (this.#known.size === 0) return text
    // A word may be a part of another value: that first, whole.
    return this.#redactors(app).reduce((shown, redactor) => redactor.redact(shown), text)
  }

  /** For what a command of the app prints, which `hide` would be given line by line. @param covered of the stream that it goes on from */
  readonly stream = (app: string, covered: number): RedactedStream => redactedStream(this.#redactors(app), covered)

  /** For the lines of one log, in order: what goes on over a line's end is hidden behind it too. */
  readonly lines = (app: string): ((line: string) => string) => {
    let [redactors, stream]: [Redactor[], RedactedStream | undefined] = [[], undefined]
    return line => {
      const known = this.#redactors(app)
      if (known.some((redactor, index) => redactor !== redactors[index])) stream = undefined
      redactors = known
      stream ??= redactedStream(known)
      const before = stream.hidden
      const shown = Buffer.concat([stream.push(Buffer.from(`${line}\n`)), stream.flush()])
      const hidden = stream.hidden === before ? line : shown.toString().replace(/\n$/, '')
      return redactBare(hidden, text => this.hide(text, app))
    }
  }

  #redactors(app: string | undefined): Redactor[] {
    this.#everywhere ??= this.#redactor(({ value }) => !isWordLike(value))
    let words = this.#words.get(app)
    if (words === undefined) {
      words = this.#redactor(({ value, apps }) => isWordLike(value) && (app === undefined || apps?.includes(app) !== false))
      this.#words.set(app, words)
    }
    return [this.#everywhere, words]
  }

  #redactor(isIn: (seen: SeenSecret) => boolean): Redactor {
    return createRedactor([...this.#known.values()].filter(isIn).map(({ value }) => new Secret(value)))
  }

  /** The same store; what it opens is known here from then on. */
  watch(store: SecretStore, app: string, names: SpokenNames): SecretStore {
    return {
      latest: () => store.latest(),
      list: () => store.list(),
      remove: name => store.remove(name),
      open: async ref => {
        const secret = await store.open(ref)
        await this.take(secret, app, names)
        return secret
      },
      set: async (name, value, options) => {
        if (Buffer.byteLength(value.reveal()) <= MOST_SECRET_BYTES) await this.take(value, app, names)
        return store.set(name, value, options)
      },
    }
  }
}
