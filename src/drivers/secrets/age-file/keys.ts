/** The key of this machine (a secret) and the recipients of an app (public, committed). */
import { stat } from 'node:fs/promises'
import { FettleError } from '../../../core/errors.ts'
import { readIfExists, writeFileAtomic } from '../../../lib/files.ts'

const IDENTITY = /^AGE-SECRET-KEY-(PQ-)?1[A-Z0-9]+$/
const RECIPIENT = /^age1[a-z0-9]+$/

/** The identities of a key file as `age-keygen` writes it; undefined when there is none. @throws FettleError SECRET_LOCKED */
export async function readKey(path: string): Promise<string[] | undefined> {
  const text = await readIfExists(path)
  if (text === undefined) return undefined
  if (((await stat(path)).mode & 0o077) !== 0) {
    throw new FettleError('SECRET_LOCKED', `${path} can be read by others on this machine`, { hint: `chmod 600 ${path}` })
  }
  const identities = linesOf(text)
  if (identities.length > 0 && identities.every(line => IDENTITY.test(line))) return identities
  throw new FettleError('SECRET_LOCKED', `${path} is no age key file`, { hint: 'Bring it back from where you keep a copy of it.' })
}

/** Makes a key. The caller has seen that there is none, and holds the lock. */
export async function createKey(path: string): Promise<string[]> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  await writeFileAtomic(path, `# public key: ${await identityToRecipient(identity)}\n${identity}\n`, 0o600)
  return [identity]
}

export async function recipientsOf(identities: readonly string[]): Promise<string[]> {
  const { identityToRecipient } = await import('age-encryption')
  return Promise.all(identities.map(identity => identityToRecipient(identity)))
}

/** The public keys for which secrets are encrypted; undefined when there is no such file. @throws FettleError DAMAGED */
export async function readRecipients(path: string): Promise<string[] | undefined> {
  const text = await readIfExists(path)
  if (text === undefined) return undefined
  const recipients = linesOf(text)
  const wrong = recipients.find(line => !RECIPIENT.test(line))
  if (wrong === undefined && recipients.length > 0) return recipients
  const what = wrong === undefined ? 'names nobody' : `holds ${JSON.stringify(wrong.slice(0, 60))}, which is no public key`
  throw new FettleError('DAMAGED', `${path} ${what}`, { hint: 'One public key a line, such as age1…; # begins a comment.' })
}

export async function writeRecipients(path: string, recipients: readonly string[]): Promise<void> {
  const head = '# Who can read and write the secrets beside this file. After a change write one again: fettle secrets set NAME --rotated'
  await writeFileAtomic(path, `${[head, ...recipients].join('\n')}\n`)
}

/** Without comments and empty ones. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.replace(/#.*/, '').trim())
    .filter(line => line !== '')
}
