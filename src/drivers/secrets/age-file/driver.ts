/**
 * Secrets of one environment in one encrypted file that is committed beside `fettle.yaml`, so that code and its secrets have one
 * history. The key of this machine stays in the home of fettle: beside the ciphertext on the same disk, it protects only git.
 */
import { join } from 'node:path'
import { FettleError } from '../../../core/errors.ts'
import { layout } from '../../../core/layout.ts'
import { type LatestSecret, Secret, type SecretRef } from '../../../core/secret.ts'
import { withFileLock } from '../../../lib/file-lock.ts'
import { readIfExists, removeTemporaries, writeFileAtomic } from '../../../lib/files.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { SecretSource } from '../../../ports/secrets.ts'
import { decrypt, encrypt } from './cipher.ts'
import {
  type Content,
  checkName,
  checkValue,
  emptyContent,
  latestOf,
  versionsOf,
  withoutSecret,
  withoutUnused,
  withSecret,
} from './content.ts'
import { createKey, readKey, readRecipients, recipientsOf, writeRecipients } from './keys.ts'
import { KnownKey } from './known-key.ts'

const LOCK_WAIT_MS = 10_000
/** Somebody who takes no lock, such as git, changes the file at most now and then. */
const ATTEMPTS = 5

export interface SecretFilePlace {
  /** Folder of `fettle.yaml`. */
  project: string
  /** Home of fettle. */
  home: string
  app: string
  environment: string
}

/** What the file holds besides values. */
export interface SecretListing extends LatestSecret {
  /** ISO 8601. */
  at: string
}

/** Every method that writes holds a lock, fails with BUSY when it does not get it in 10 s, and leaves the old file or the new one. */
export class SecretFile implements SecretSource {
  readonly #place: SecretFilePlace
  readonly #clock: Clock
  readonly #path: string
  readonly #recipientsPath: string
  readonly #keyPath: string
  readonly #known: KnownKey
  /** Decrypted once per text of the file. */
  #opened: { text: string; content: Content } | undefined

  constructor(place: SecretFilePlace, clock: Clock) {
    this.#place = place
    this.#clock = clock
    this.#path = join(place.project, 'secrets', `${place.environment}.age`)
    this.#recipientsPath = join(place.project, 'secrets', 'recipients.txt')
    const { key, knownKey } = layout(place.home)
    this.#keyPath = key(place.app)
    this.#known = new KnownKey(knownKey(place.app), this.#keyPath)
  }

  async latest(): Promise<LatestSecret[] | undefined> {
    const text = await readIfExists(this.#path)
    return text === undefined ? undefined : latestOf(await this.#read(text)).map(({ at: _, ...secret }) => secret)
  }

  /** Names, versions and dates, sorted by name. @throws FettleError SECRET_LOCKED, DAMAGED */
  async list(): Promise<SecretListing[]> {
    return latestOf(await this.#read(await readIfExists(this.#path)))
  }

  /** @throws FettleError SECRET_MISSING, SECRET_LOCKED, DAMAGED */
  async open(ref: SecretRef): Promise<Secret> {
    const versions = versionsOf(await this.#read(await readIfExists(this.#path)), ref.name)
    const found = versions.find(version => version.version === ref.version)
    if (found !== undefined) return new Secret(found.value)
    const has = versions.length === 0 ? 'nothing of that name' : `versions ${versions.map(version => version.version).join(', ')}`
    throw new FettleError('SECRET_MISSING', `version ${ref.version} of ${ref.name} is wanted, and ${this.#path} holds ${has}`, {
      hint: `fettle secrets set ${ref.name} --env ${this.#place.environment}`,
      context: { name: ref.name, version: ref.version },
    })
  }

  /**
   * Sets the next version of a name. The same value again is no new version, unless it is a rotation.
   * `rotated`: the earlier values are no longer valid anywhere, so that a rollback takes this one.
   * @throws FettleError USAGE, SECRET_LOCKED, DAMAGED, BUSY
   */
  async set(name: string, value: Secret, options: { rotated?: boolean; allowEmpty?: boolean } = {}): Promise<SecretRef> {
    checkName(name)
    checkValue(name, value.reveal(), options.allowEmpty ?? false)
    const at = new Date(this.#clock.now()).toISOString()
    const content = await this.#change(before => withSecret(before, name, { value: value.reveal(), rotated: options.rotated ?? false, at }))
    return { name, version: versionsOf(content, name).at(-1)?.version ?? 1 }
  }

  /** @returns false when there is none of that name */
  async remove(name: string): Promise<boolean> {
    if (!(await this.list()).some(secret => secret.name === name)) return false
    await this.#change(before => withoutSecret(before, name))
    return true
  }

  /** Drops earlier versions that no kept release refers to. */
  async prune(kept: readonly SecretRef[]): Promise<void> {
    await this.#change(before => withoutUnused(before, kept))
  }

  /** Encrypts the same content for the recipients of today. */
  async reencrypt(): Promise<void> {
    await this.#change(before => (before === emptyContent ? before : { ...before }))
  }

  /**
   * The public keys of this machine, for `secrets/recipients.txt`; the key is made when there never was one.
   * @throws FettleError SECRET_LOCKED when it is gone, or another one lies in its place
   */
  async publicKeys(): Promise<string[]> {
    return this.#known.publicKeys((await readKey(this.#keyPath)) ?? (await this.#locked(() => this.#key())))
  }

  /** Which of these public keys are of this home: remembered as the one it sealed for, or of the key that is there. Makes nothing, and opens nothing. */
  async ownAmong(publicKeys: readonly string[]): Promise<string[]> {
    const remembered = await this.#known.remembered()
    // Nearly always; the library that knows the others of a key file takes its time and memory.
    if (publicKeys.every(key => remembered.includes(key))) return [...publicKeys]
    const identities = await readKey(this.#keyPath).catch((error: FettleError) => {
      // Whoever opens something with it is told what is wrong with it; to look needs no key.
      if (error.code === 'SECRET_LOCKED') return undefined
      throw error
    })
    const own = new Set([...remembered, ...(await recipientsOf(identities ?? []))])
    return publicKeys.filter(key => own.has(key))
  }

  async #key(): Promise<string[]> {
    const present = await readKey(this.#keyPath)
    if (present !== undefined) return present
    await this.#known.requireNone()
    return createKey(this.#keyPath)
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    return withFileLock(join(this.#place.home, 'locks', `secrets-${this.#place.app}.lock`), LOCK_WAIT_MS, work)
  }

  async #change(change: (before: Content) => Content): Promise<Content> {
    return this.#locked(async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const text = await readIfExists(this.#path)
        const before = await this.#read(text)
        const after = change(before)
        if (after === before) return before
        const next = await encrypt(after, await this.#recipients(text))
        if ((await readIfExists(this.#path)) !== text) continue
        await writeFileAtomic(this.#path, next)
        await removeTemporaries(this.#path)
        return after
      }
      throw new FettleError('CONFLICT', `${this.#path} changes all the time`, { hint: 'End what else writes it, and try again.' })
    })
  }

  async #read(text: string | undefined): Promise<Content> {
    if (text === undefined) return emptyContent
    if (this.#opened?.text === text) return this.#opened.content
    const identities = await readKey(this.#keyPath)
    const content = identities && (await decrypt(text, identities, this.#path))
    if (content === undefined) throw await this.#lockedError(identities)
    this.#opened = { text, content }
    return content
  }

  async #lockedError(identities: string[] | undefined): Promise<FettleError> {
    const why = identities === undefined ? `there is no key ${this.#keyPath}` : `the key ${this.#keyPath} does not open it`
    const copy = `Copy ${this.#keyPath} from a machine that can open it`
    const add = async (own: string[]): Promise<string> =>
      `${copy}; or let somebody there add ${(await recipientsOf(own)).join(', ')} to ${this.#recipientsPath}, write a secret again (\`fettle secrets set NAME --rotated\`), and commit.`
    return new FettleError('SECRET_LOCKED', `${this.#path} is encrypted, and ${why}`, {
      hint: identities === undefined ? `${copy}.` : await add(identities),
    })
  }

  /** For whom to encrypt; the first `set` of an app makes key and list. Never for a key that the list does not name. */
  async #recipients(text: string | undefined): Promise<string[]> {
    const own = await this.#known.publicKeys(await this.#key())
    const listed = await readRecipients(this.#recipientsPath)
    if (listed === undefined) {
      await writeRecipients(this.#recipientsPath, own)
      return own
    }
    if (own.some(key => listed.includes(key))) return listed
    throw new FettleError('SECRET_LOCKED', `${this.#recipientsPath} does not name the key of this machine: ${own}`, {
      hint: `Add that line to it${text === undefined ? '' : ', or write from a machine that it names'}.`,
    })
  }
}
