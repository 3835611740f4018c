/** Content ↔ text of an ASCII-armored age v1 file, which `age -d -i key` reads too. */
import { buffer, text as textOf } from 'node:stream/consumers'
import type { Encrypter } from 'age-encryption'
import { FettleError } from '../../../core/errors.ts'
import { refuseNewer } from '../../../core/file-format.ts'
import { Content } from './content.ts'

/**
 * Loaded when it is needed: with what it brings, some 300 KB of code. It is given streams and gives streams: for anything else it makes a
 * Response, and Node loads all of its fetch for that.
 */
const library = () => import('age-encryption')

/** @throws FettleError DAMAGED when a recipient is none */
export async function encrypt(content: Content, recipients: readonly string[]): Promise<string> {
  const { armor, Encrypter } = await library()
  const encrypter = new Encrypter()
  for (const recipient of recipients) addRecipient(encrypter, recipient)
  return armor.encode(await buffer(await encrypter.encrypt(ReadableStream.from([Buffer.from(JSON.stringify(content))]))))
}

function addRecipient(encrypter: Encrypter, recipient: string): void {
  try {
    encrypter.addRecipient(recipient)
  } catch (error) {
    throw new FettleError('DAMAGED', `the recipient ${recipient} is no valid public key`, {
      cause: error,
      hint: 'Correct its line in secrets/recipients.txt.',
    })
  }
}

/**
 * @param path only named in errors
 * @returns undefined when none of the identities opens it
 * @throws FettleError DAMAGED, VERSION
 */
export async function decrypt(text: string, identities: readonly string[], path: string): Promise<Content | undefined> {
  if (/^<{7} /m.test(text)) throw damaged(path, 'holds both sides of a merge')
  const { armor, Decrypter } = await library()
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  let locked = false
  // Asked last, and only when the header was read and no identity fits: the library tells this from damage by its message alone.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      locked = true
      return null
    },
  })
  try {
    return parseContent(await textOf(await decrypter.decrypt(ReadableStream.from([armor.decode(text)]))), path)
  } catch (error) {
    if (locked) return undefined
    if (error instanceof FettleError) throw error
    throw damaged(path, 'is no whole age file', error)
  }
}

function parseContent(json: string, path: string): Content {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw damaged(path, 'does not hold JSON') // the cause would quote the secrets
  }
  refuseNewer((value as { format?: unknown } | null)?.format, 1, path)
  const content = Content.safeParse(value)
  if (content.success) return content.data
  throw damaged(path, `does not hold what fettle writes: ${content.error.issues.map(issue => issue.path.join('.')).join(', ')}`)
}

function damaged(path: string, what: string, cause?: unknown): FettleError {
  return new FettleError('DAMAGED', `${path} ${what}`, {
    cause,
    hint: `Bring back a whole version of it: git log --oneline -- ${path}`,
  })
}
