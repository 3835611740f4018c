/**
 * The public key that an app's backups and secrets were sealed for, remembered apart from the key itself: who loses the key must not get
 * a new one without a word, for which what was sealed before does not open.
 */
import { FettleError } from '../../../core/errors.ts'
import { readNow, writeFileAtomic } from '../../../lib/files.ts'
import { linesOf, recipientsOf } from './keys.ts'

export class KnownKey {
  readonly #path: string
  readonly #keyPath: string

  constructor(path: string, keyPath: string) {
    this.#path = path
    this.#keyPath = keyPath
  }

  /** Of the key that is there; remembered when it is the first. @throws FettleError SECRET_LOCKED when it is another one */
  async publicKeys(identities: readonly string[]): Promise<string[]> {
    const own = await recipientsOf(identities)
    const known = await this.#read()
    if (known === undefined) await writeFileAtomic(this.#path, `${own.join('\n')}\n`, 0o600)
    else if (!known.some(key => own.includes(key))) throw this.#lost(`${this.#keyPath} is another key than the one before`, known)
    return own
  }

  /** @throws FettleError SECRET_LOCKED when there was a key */
  async requireNone(): Promise<void> {
    const known = await this.#read()
    if (known !== undefined) throw this.#lost(`${this.#keyPath} is gone`, known)
  }

  /** None where nothing was ever sealed. */
  async remembered(): Promise<string[]> {
    return (await this.#read()) ?? []
  }

  async #read(): Promise<string[] | undefined> {
    const text = readNow(this.#path)
    return text === undefined ? undefined : linesOf(text)
  }

  #lost(what: string, known: readonly string[]): FettleError {
    return new FettleError('SECRET_LOCKED', `${what}: backups and secrets are sealed for ${known.join(', ')}`, {
      hint: `Bring the key back from where you keep a copy. If there is none: \`rm ${this.#path}\` lets a new one be made, and what was sealed so far opens no more.`,
    })
  }
}
